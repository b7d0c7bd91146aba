/** Which tables of PostgreSQL belong to tenants, for the tests that ask of them to name it. */

/** Small, and the same for all tenants: tokens are found before it is known whose they are. */
export const withoutTenant = new Set([
  ...[
    'tenant',
    'resource_type',
    'attribute',
    'rebuild',
    'secret',
    'scimd_version',
    'access_rule',
    'signing_key',
  ],
  ...['token', 'endpoint', 'delivery', 'attempt_batch', 'stream_removed', 'stream_acknowledged'],
  ...['client_key', 'used_assertion', 'admin_grant', 'admin_action'],
]);
