/** scimd init: a configuration with every default explained, and a systemd unit. */
import { closeSync, existsSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { CommandError } from '../ops/command-error.ts';
import { configFileName } from '../ops/config-file.ts';
import { fileAdvice, fileReason } from '../ops/file-error.ts';
import {
  choicesOf,
  environmentName,
  type OptionName,
  optionGroups,
  optionNames,
  optionOf,
} from '../ops/options.ts';
import schema from '../ops/scim.config.schema.json' with { type: 'json' };
import { exitStatus, type Invocation } from './command.ts';

const schemaFileName = 'scim.config.schema.json';

export function init({ flags, json, terminal }: Invocation): number {
  const files = flags.has('systemd')
    ? { 'scimd.service': systemdUnit() }
    : { [configFileName]: configuration(), [schemaFileName]: `${JSON.stringify(schema, null, 2)}\n` };
  const names = Object.keys(files);
  const taken = flags.has('force') ? [] : names.filter((name) => existsSync(join(terminal.folder, name)));
  if (taken.length > 0) {
    throw new CommandError(
      `${taken.join(' and ')} ${taken.length === 1 ? 'is' : 'are'} there already`,
      'Overwrite with --force, or run it in another folder.',
    );
  }
  write(terminal.folder, files);
  if (json) terminal.print(JSON.stringify({ written: names }));
  else {
    terminal.print(`wrote ${names.join(' and ')}`);
    if (flags.has('systemd')) {
      // The unit names a configuration.
      if (!existsSync(join(terminal.folder, configFileName))) terminal.note('scimd init');
      for (const line of installation) terminal.note(line);
    }
  }
  return exitStatus.done;
}

/** All of them whole or none: half a configuration would be refused by the next start. */
function write(folder: string, files: Readonly<Record<string, string>>): void {
  const places = Object.keys(files).map((name) => {
    const place = join(folder, name);
    return { name, place, partial: `${place}.new` };
  });
  const made: string[] = [];
  try {
    for (const { name, partial } of places) {
      const descriptor = openSync(partial, 'w');
      made.push(partial);
      try {
        writeFileSync(descriptor, files[name] ?? '');
      } finally {
        closeSync(descriptor);
      }
    }
    for (const { place, partial } of places) renameSync(partial, place);
  } catch (error) {
    for (const partial of made) rmSync(partial, { force: true });
    const names = places.map(({ name }) => name).join(' and ');
    throw new CommandError(
      `${names} cannot be written in ${folder}: ${fileReason(error)}`,
      fileAdvice(error),
      { cause: error },
    );
  }
}

/** Every setting, commented out at its default: what is not touched follows later versions' defaults. */
function configuration(): string {
  const lines = ['{', `  "$schema": "./${schemaFileName}",`];
  const single = optionNames.filter((name) => !name.includes('.') && optionOf(name).secret === undefined);
  for (const name of single) lines.push('', ...explained(name, name, '  '));
  for (const group of optionGroups) {
    lines.push('', `  // "${group}": {`);
    for (const name of optionNames.filter((option) => option.startsWith(`${group}.`))) {
      if (optionOf(name).secret === undefined)
        lines.push(...explained(name, name.slice(group.length + 1), '  //   ', false));
    }
    lines.push('  // },');
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

function explained(name: OptionName, key: string, indent: string, commented = true): string[] {
  const { help, detail, default: value } = optionOf(name);
  const choices = choicesOf(name);
  const text = [choices === undefined ? help : `${help}: ${choices.join(', ')}`, detail]
    .filter((part) => part !== undefined)
    .join('; ');
  const mark = commented ? '// ' : '';
  return [
    `${indent}${commented ? '' : '// '}${mark}${text} (${environmentName(name)})`,
    `${indent}${mark}"${key}": ${value === undefined ? '"…"' : JSON.stringify(value)},`,
  ];
}

/** Hardened as far as a network service over one folder can be; `scimd serve` tells systemd when it is ready. */
function systemdUnit(): string {
  return `[Unit]
Description=scimd, SCIM 2.0 server
Documentation=https://www.rfc-editor.org/info/rfc7644
After=network-online.target
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/local/bin/scimd serve --config /etc/scimd/scim.config.json --database /var/lib/scimd/scimd.db
ExecReload=/bin/kill -HUP $MAINPID
WatchdogSec=30
Restart=on-failure
RestartSec=2
TimeoutStopSec=60
DynamicUser=yes
StateDirectory=scimd
StateDirectoryMode=0700
WorkingDirectory=/var/lib/scimd
UMask=0077
# --backup-folder /var/lib/scimd/backups works as it is. Another one needs a permanent user that owns it:
# useradd --system scimd && install -d -o scimd -m 700 /var/backups/scimd
#ReadWritePaths=/var/backups/scimd
# A certificate whose key only root may read; renewed files need systemctl restart scimd:
#LoadCredential=certificate.pem:/etc/scimd/certificate.pem
#LoadCredential=key.pem:/etc/scimd/key.pem
#Environment=SCIMD_TLS_CERTIFICATE_FILE=/run/credentials/scimd.service/certificate.pem
#Environment=SCIMD_TLS_KEY_FILE=/run/credentials/scimd.service/key.pem
# One whose key a group may read, and which is renewed without a restart; the two files are settings then:
#SupplementaryGroups=ssl-cert
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
# Ports below 1024, such as --port 443: CAP_NET_BIND_SERVICE in both.
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`;
}

/** Itself if it is the single executable, else that by its name. */
const program = isSea() ? process.execPath : `scimd-linux-${process.arch}`;

const installation = [
  `install -m 755 ${program} /usr/local/bin/scimd`,
  'install -d /etc/scimd && install -m 644 scim.config.json /etc/scimd/',
  'install -m 644 scimd.service /etc/systemd/system/ && systemctl daemon-reload && systemctl enable --now scimd',
  'journalctl -u scimd shows the address and the first token',
];
