import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { defaultLimits } from '../../src/http/options.ts';
import { ConfigurationError } from '../../src/ops/configuration-error.ts';
import { environmentName, flagName, type OptionName, optionNames, optionOf } from '../../src/ops/options.ts';
import { readSettings, type SettingsSources } from '../../src/ops/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-settings-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileWith(text: string): string {
  const path = join(folder, `${++files}.json`);
  writeFileSync(path, text);
  return path;
}

interface Given {
  checkDefinitions?: SettingsSources['checkDefinitions'];
  flags?: Partial<Record<OptionName, string | string[]>>;
  environment?: Record<string, string>;
  file?: string;
}

const valid = { problems: [], warnings: [] };

function settings({ flags = {}, environment = {}, file, checkDefinitions = () => valid }: Given = {}) {
  return readSettings({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name as OptionName, [value].flat()])),
    environment,
    folder,
    checkDefinitions,
    ...(file === undefined ? {} : { file: fileWith(file) }),
  });
}

function problems(given: Given): string[] {
  try {
    settings(given);
  } catch (error) {
    assert(error instanceof ConfigurationError);
    return error.problems.map((problem) => problem.replace(join(folder, `${files}.json`), 'FILE'));
  }
  return assert.fail('the configuration was accepted');
}

describe('precedence', () => {
  const file = '{ "port": 3 }';
  const environment = { SCIMD_PORT: '2' };

  test('a flag wins over the environment', () => {
    assert.equal(settings({ flags: { port: '1' }, environment, file }).settings.port, 1);
  });
  test('the environment wins over the file', () => {
    assert.equal(settings({ environment, file }).settings.port, 2);
  });
  test('the file wins over the default', () => {
    assert.equal(settings({ file }).settings.port, 3);
  });
  test('without a file in the folder the defaults apply', () => {
    const { settings: inForce, file: read } = settings();
    assert.equal(inForce.port, 8080);
    assert.equal(read, undefined);
  });
  test('an empty variable counts as unset', () => {
    assert.equal(settings({ environment: { SCIMD_PORT: '' }, file }).settings.port, 3);
  });
  test('of a repeated flag the last one counts', () => {
    assert.equal(settings({ flags: { port: ['1', '5'] } }).settings.port, 5);
  });
  test('each value knows where it comes from', () => {
    const { origins } = settings({ flags: { host: '::1' }, environment, file: '{\n  "database": "x.db"\n}' });
    assert.equal(origins.get('host'), 'flag --host');
    assert.equal(origins.get('port'), 'SCIMD_PORT');
    assert.match(origins.get('database') ?? '', /\.json:2:15$/);
    assert.equal(origins.get('logLevel'), 'default');
  });
});

describe('values', () => {
  test('lists are repeated or separated by commas', () => {
    const flags = { trustedProxies: ['10.0.0.0/8, ::1', '192.0.2.1'] };
    assert.deepEqual(settings({ flags }).settings.trustedProxies, ['10.0.0.0/8', '::1', '192.0.2.1']);
  });
  test('booleans are true, false, 1 or 0', () => {
    for (const [text, value] of [
      ['true', true],
      ['1', true],
      ['FALSE', false],
      ['0', false],
    ] as const)
      assert.equal(
        settings({ environment: { SCIMD_PUBLIC_DISCOVERY: text } }).settings.publicDiscovery,
        value,
      );
  });
  test('a dotted option is a member of its group', () => {
    const { limits } = settings({
      file: '{ "limits": { "bodyDepth": 7 } }',
      flags: { 'limits.filterDepth': '9' },
    }).settings;
    assert.deepEqual(limits, { ...defaultLimits, bodyDepth: 7, filterDepth: 9 });
  });
  test('the limits have the defaults of the HTTP server', () => {
    assert.deepEqual(settings().settings.limits, defaultLimits);
  });
  test('the file may have comments and trailing commas', () => {
    assert.equal(settings({ file: '{\n // why\n "port": 4, /* so */\n}' }).settings.port, 4);
  });
  test('a file may start with a byte order mark', () => {
    assert.equal(settings({ file: '\uFEFF{ "port": 4 }' }).settings.port, 4);
  });
});

describe('secrets', () => {
  test('are read from the file that …_FILE names, without the line end', () => {
    const environment = { SCIMD_BOOTSTRAP_TOKEN_FILE: fileWith('s3cret\n') };
    assert.equal(settings({ environment }).settings.bootstrapToken, 's3cret');
  });
  test('are read from the file that the flag names', () => {
    assert.equal(
      settings({ flags: { bootstrapToken: fileWith('s3cret') } }).settings.bootstrapToken,
      's3cret',
    );
  });
  test('given twice are refused', () => {
    assert.deepEqual(
      problems({ environment: { SCIMD_BOOTSTRAP_TOKEN: 'a', SCIMD_BOOTSTRAP_TOKEN_FILE: fileWith('b') } }),
      ['SCIMD_BOOTSTRAP_TOKEN and SCIMD_BOOTSTRAP_TOKEN_FILE are both set'],
    );
  });
  test('the address of the database, which may have a password, is read from the file of SCIMD_DATABASE_FILE', () => {
    const file = fileWith('postgres://scimd:pw@db.example/scimd\n');
    const given = settings({ environment: { SCIMD_DATABASE_FILE: file } });
    assert.equal(given.settings.database, 'postgres://scimd:pw@db.example/scimd');
    assert.equal(given.origins.get('database'), 'SCIMD_DATABASE_FILE');
    assert.deepEqual(given.warnings, []);
    assert.deepEqual(problems({ environment: { SCIMD_DATABASE_FILE: file, SCIMD_DATABASE: 'scimd.db' } }), [
      'SCIMD_DATABASE and SCIMD_DATABASE_FILE are both set',
    ]);
    assert.deepEqual(problems({ environment: { SCIMD_DATABASE_FILE: fileWith('\n') } }), [
      'SCIMD_DATABASE_FILE: database must be a file name, :memory: or postgres://…, not ""',
    ]);
  });
  test('are not shown when they are wrong', () => {
    assert.deepEqual(problems({ environment: { SCIMD_BOOTSTRAP_TOKEN: 'not a token' } }), [
      'SCIMD_BOOTSTRAP_TOKEN: bootstrapToken must be a bearer token: letters, digits and . _ ~ + / -',
    ]);
  });
  test('in a file that is not there are told as such', () => {
    const [problem] = problems({ environment: { SCIMD_BOOTSTRAP_TOKEN_FILE: join(folder, 'none') } });
    assert.match(
      problem ?? '',
      /^SCIMD_BOOTSTRAP_TOKEN_FILE: cannot read \S+: no such file or folder \(ENOENT\)/,
    );
  });
});

describe('problems name the place, the option, the rule and the value', () => {
  const cases: readonly (readonly [what: string, given: Given, expected: readonly string[]])[] = [
    [
      'of a flag',
      { flags: { port: '70000' } },
      ['flag --port: port must be a whole number from 0 to 65535, not 70000'],
    ],
    [
      'of a variable',
      { environment: { SCIMD_LOG_LEVEL: 'loud' } },
      ['SCIMD_LOG_LEVEL: logLevel must be one of info, warn, error, silent, not "loud"'],
    ],
    [
      'of a value in the file, by line and column',
      { file: '{\n  "limits": {\n    "bodyDepth": "deep"\n  }\n}' },
      ['FILE:3:18: limits.bodyDepth must be a whole number from 4 to 256, not "deep"'],
    ],
    [
      'of one element of a list',
      { file: '{ "trustedProxies": ["10.0.0.0/8", "10.0.0.0/99"] }' },
      [
        'FILE:1:36: trustedProxies must be IP addresses or CIDR ranges, such as 10.0.0.0/8, not "10.0.0.0/99"',
      ],
    ],
    [
      'of a number that is not whole',
      { flags: { port: '80.5' } },
      ['flag --port: port must be a whole number from 0 to 65535, not 80.5'],
    ],
    [
      'of an unknown key',
      { file: '{ "prot": 1 }' },
      ['FILE:1:3: unknown setting "prot", did you mean "port"?'],
    ],
    [
      'of an unknown key in a group',
      { file: '{ "limits": { "bodyDeepth": 9 } }' },
      ['FILE:1:15: unknown setting "limits.bodyDeepth", did you mean "limits.bodyDepth"?'],
    ],
    [
      'of a key outside its group',
      { file: '{ "filterDepth": 9 }' },
      ['FILE:1:3: unknown setting "filterDepth", did you mean "limits.filterDepth"?'],
    ],
    [
      'of a key with a dot in place of a level',
      { file: '{ "limits.bodyBytes": 5000 }' },
      ['FILE:1:3: a dot in the name limits.bodyBytes is a level: { "limits": { "bodyBytes": … } }'],
    ],
    ['of a key set twice', { file: '{ "port": 1, "port": 2 }' }, ['FILE:1:14: port is set twice']],
    [
      'of a group that is none',
      { file: '{ "limits": 3 }' },
      ['FILE:1:13: limits must be an object, such as { "bodyBytes": … }'],
    ],
    ['of a file without an object', { file: '[]' }, ['FILE:1:1: must contain a JSON object']],
    ['of an empty file', { file: '' }, ['FILE:1:1: not JSON: value expected']],
    [
      'of what is not JSON',
      { file: '{\n "port": 1\n "host": "x" }' },
      ['FILE:3:2: not JSON: comma expected'],
    ],
    [
      'of two settings that do not go together',
      { flags: { 'limits.defaultPageSize': '50', 'limits.maxPageSize': '10' } },
      [
        'flag --limits-default-page-size: limits.defaultPageSize, which is 50, must not exceed limits.maxPageSize, which is 10',
      ],
    ],
    [
      'of a certificate without its key',
      { flags: { 'tls.certificateFile': 'cert.pem' } },
      ['flag --tls-certificate-file: tls.certificateFile needs tls.keyFile too'],
    ],
    [
      'of an issuer of JWTs without audience and keys',
      { flags: { 'jwt.issuer': 'https://id.example.com' } },
      [
        'flag --jwt-issuer: jwt.issuer needs jwt.audience too',
        'flag --jwt-issuer: jwt.issuer needs jwt.jwksUri or jwt.jwksFile too',
      ],
    ],
    [
      'of keys from two places, of no issuer',
      { flags: { 'jwt.jwksUri': 'https://id.example.com/keys', 'jwt.jwksFile': 'keys.json' } },
      [
        'flag --jwt-jwks-uri: jwt.jwksUri needs jwt.issuer too',
        'flag --jwt-jwks-file: jwt.jwksFile needs jwt.issuer too',
        'flag --jwt-jwks-uri: jwt.jwksUri and jwt.jwksFile exclude each other',
      ],
    ],
    [
      'of keys over plain HTTP',
      { flags: { 'jwt.jwksUri': 'http://id.example.com/keys' } },
      ['flag --jwt-jwks-uri: jwt.jwksUri must be an https URL, not "http://id.example.com/keys"'],
    ],
    [
      'of an algorithm with a shared secret',
      { flags: { 'jwt.algorithms': 'RS256,HS256' } },
      [
        'flag --jwt-algorithms: jwt.algorithms must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, not "HS256"',
      ],
    ],
    [
      'of a variable that Kubernetes sets',
      { environment: { SCIMD_PORT: 'tcp://10.1.2.3:8080' } },
      [
        'SCIMD_PORT: port must be a whole number from 0 to 65535, not "tcp://10.1.2.3:8080" (set by Kubernetes for a service named scimd: use enableServiceLinks: false)',
      ],
    ],
    [
      'of a base path that the feed has',
      { flags: { basePath: '/events' } },
      ['flag --base-path: basePath must not be /events, below which are no endpoints of SCIM'],
    ],
    [
      'of a base URL with a slash at its end',
      { environment: { SCIMD_BASE_URL: 'https://id.example.com/' } },
      [
        'SCIMD_BASE_URL: baseUrl must be a URL such as https://id.example.com/scim/v2, without a slash at its end, not "https://id.example.com/"',
      ],
    ],
    [
      'all at once',
      {
        flags: { port: 'x' },
        environment: { SCIMD_HOST: 'a b' },
        file: '{ "basePath": "scim", "nonsense": 1 }',
      },
      [
        'FILE:1:23: unknown setting "nonsense"',
        'SCIMD_HOST: host must be an IP address or a host name, not "a b"',
        'flag --port: port must be a whole number from 0 to 65535, not "x"',
        'FILE:1:15: basePath must start with a slash and not end with one, such as /scim/v2, not "scim"',
      ],
    ],
  ];
  for (const [what, given, expected] of cases)
    test(what, () => {
      const found = problems(given);
      assert.deepEqual(found, expected);
    });
});

describe('definitions of schemas and resource types', () => {
  const file = '{\n  "port": 0,\n  "schemas": [\n    { "id": "urn:a:b", "attributes": [{}] }\n  ]\n}';

  test('come from the file as they stand there, with their place', () => {
    const { definitions, origins } = settings({ file });
    assert.deepEqual(JSON.parse(JSON.stringify(definitions)), {
      schemas: [{ id: 'urn:a:b', attributes: [{}] }],
      containsIndex: [],
    });
    assert.match(origins.get('schemas') ?? '', /\.json:3:14$/);
    assert.equal(origins.get('resourceTypes'), 'default');
  });
  test('are complained of where the path leads, or as far as it leads, beside all else', () => {
    const checkDefinitions = () => ({
      ...valid,
      problems: [
        { path: ['schemas', 0, 'id'], reason: 'must be nicer' },
        { path: ['schemas', 0, 'attributes', 0, 'name'], reason: 'is required' },
      ],
    });
    assert.deepEqual(problems({ file, checkDefinitions, flags: { port: 'x' } }), [
      'flag --port: port must be a whole number from 0 to 65535, not "x"',
      'FILE:4:13: schemas.0.id must be nicer',
      'FILE:4:39: schemas.0.attributes.0.name is required',
    ]);
  });
  test('say nothing twice', () => {
    assert.deepEqual(
      problems({ file: '{ "schemas": [{ "id": "a", "x": [{ "y": 1, "y": 2 }], "id": "b" }] }' }),
      ['FILE:1:44: schemas.0.x.0.y is set twice', 'FILE:1:55: schemas.0.id is set twice'],
    );
  });
  test('are near to what was mistyped', () => {
    assert.deepEqual(problems({ file: '{ "resourceType": [] }' }), [
      'FILE:1:3: unknown setting "resourceType", did you mean "resourceTypes"?',
    ]);
  });
});

test('an unknown SCIMD_ variable is a warning, and those of Kubernetes are none', () => {
  const environment = {
    SCIMD_PROT: '1',
    SCIMD_SERVICE_HOST: '10.0.0.1',
    SCIMD_PORT_80_TCP: 'x',
    SCIMD_CONFIG: '',
  };
  assert.deepEqual(settings({ environment }).warnings, [
    'unknown environment variable SCIMD_PROT, did you mean "SCIMD_PORT"?',
  ]);
});

test('flags and variables follow from the path in the file', () => {
  assert.equal(flagName('limits.defaultPageSize'), 'limits-default-page-size');
  assert.equal(environmentName('limits.defaultPageSize'), 'SCIMD_LIMITS_DEFAULT_PAGE_SIZE');
  assert.equal(flagName('bootstrapToken'), 'bootstrap-token-file');
  assert.equal(new Set(optionNames.map(flagName)).size, optionNames.length);
  assert.equal(new Set(optionNames.map(environmentName)).size, optionNames.length);
});

test('every default keeps its own rule', () => {
  for (const name of optionNames) {
    const { default: value } = optionOf(name);
    if (value === undefined) continue;
    const file = name.includes('.')
      ? { [name.split('.')[0]!]: { [name.split('.')[1]!]: value } }
      : { [name]: value };
    assert.deepEqual(settings({ file: JSON.stringify(file) }).values.get(name), value);
  }
});
