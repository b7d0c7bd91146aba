/**
 * Every field that a log line can have, and what it says. Its type checks each line, and the documentation's table is
 * generated from it (`npm run generate:config`).
 */
export const logFields = {
  level: '`info`, `warn` or `error`',
  time: 'When, in UTC (ISO 8601)',
  msg: 'What happened, in words; `request` for the line of a request',
  requestId: 'The `X-Request-Id` of the request and of its answer',
  method: 'The method of the request',
  path: 'The path of the request, without its query',
  status: 'The status of the answer',
  ms: 'Milliseconds from the whole head of the request to the answer',
  tenant: 'The number of the tenant, as `scimd tenant list` shows it',
  tokenId: 'The id of the token, as `scimd token list` shows it; `jwt:` and its subject for a JWT',
  tenantName: 'The name of the tenant',
  tokenName: 'The name of the token, also of one that has ended',
  scimType: 'The kind of the error that was answered (RFC 7644 §3.12)',
  detail:
    'What the answer says of the error, of 4xx; without the values that it quotes unless `logPersonalData` is set',
  dropped: 'How many exchanges the exchange log does not have',
  tolerances: 'The names of the tolerances that the request needed',
  client: 'The network that wrong tokens come from: an IPv4 address, or the /64 of IPv6',
  err: 'The error: `type`, `message`, `code`, `advice` (what the operator can do) and `stack`',
  reason: 'Why something failed, in words',
  problems: 'What is wrong with the configuration, each with its place',
  url: 'The address of the endpoints',
  database: 'The database file',
  config: 'The configuration file that was read',
  changed: 'The settings that a SIGHUP changed',
  settings: 'The settings that take effect after a restart',
  signal: 'The signal that stops the server',
  validTo: 'When the certificate expires',
  file: 'A backup',
  removed: 'How many old backups were removed',
  from: 'The version of the database file before an upgrade',
  to: 'The version after it',
  backup: 'The copy that was made before it',
  type: 'A resource type',
  attribute: 'An attribute of it',
  resources: 'How many resources are affected',
  ids: 'The ids of the first of them',
  done: 'How many resources have been reindexed so far',
  total: 'How many there are to reindex',
  consumer: 'The name of a consumer of the feed',
  since: 'Since when somebody has waited',
  endpoint:
    'The id of a webhook endpoint or a stream, as `scimd webhook list` and `scimd stream list` show it',
  people: 'How many people are affected',
  lines: 'How many log lines were dropped',
} as const satisfies Readonly<Record<string, string>>;

/** The fields of a line beside its level, time and message. */
export type LogFields = {
  readonly [name in Exclude<keyof typeof logFields, 'level' | 'time' | 'msg'>]?: unknown;
};
