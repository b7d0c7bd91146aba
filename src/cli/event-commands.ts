/** The commands of events and webhooks, for the table of commands. */
import type { Command, Flag } from './command.ts';
import { defaultTenant } from './database.ts';
import { printLog } from './log.ts';
import { tail } from './tail.ts';
import {
  createEndpoint,
  deleteEndpoint,
  listEndpoints,
  pauseEndpoint,
  replayEvents,
  resumeEndpoint,
  rotateEndpoint,
  defaultOverlap as secretOverlap,
  showEndpoint,
  testEndpoint,
} from './webhook.ts';

const ofOneTenant: Flag = { placeholder: 'TENANT', help: 'Of which tenant', default: defaultTenant };
const ofTenant: Flag = { placeholder: 'TENANT', help: 'Only of this tenant' };
const endpoint = { placeholder: 'ID', required: true } as const;

export const eventCommands: readonly Command[] = [
  {
    name: 'log',
    summary: 'Print requests and why they were answered so',
    flags: {
      follow: { help: 'Go on with those to come' },
      status: { placeholder: 'STATUS', help: 'Only these: 404, 4xx, or error for all from 400 on' },
      token: { placeholder: 'ID|NAME', help: 'Only of this token' },
      user: { placeholder: 'NAME', help: 'Only about this user or group: a name, id or e-mail address' },
      request: { placeholder: 'ID', help: 'The one with this X-Request-Id, with its bodies' },
      method: { placeholder: 'METHOD', help: 'Only these: GET, POST, PUT, PATCH, DELETE' },
      since: { placeholder: 'SPAN', help: 'Not older than 30m, 24h, 7d' },
      limit: { placeholder: 'COUNT', help: 'How many at most, the newest', default: '50' },
      bodies: { help: 'Show each whole, with its bodies' },
      tenant: ofTenant,
    },
    settings: ['database', 'exchangeLog.file'],
    json: true,
    example: 'scimd log --follow --status 4xx --token okta',
    run: printLog,
  },
  {
    name: 'tail',
    summary: 'Print events: what came, changed and went',
    flags: {
      follow: { help: 'Go on with those to come' },
      after: {
        placeholder: 'POSITION',
        help: 'Where to begin: now, oldest or a position',
        default: 'oldest, with --follow now',
      },
      type: { placeholder: 'TYPES', help: 'Only these events: user.deactivated,group.*', default: 'all' },
      tenant: ofOneTenant,
    },
    settings: ['database'],
    json: true,
    example: 'scimd tail --follow --type user.*',
    run: tail,
  },
  {
    name: 'webhook create',
    summary: 'Create an endpoint and print its signing secret (shown only once)',
    operand: { placeholder: 'URL', required: true },
    flags: {
      tenant: ofOneTenant,
      type: { placeholder: 'TYPES', help: 'Only these events: user.deactivated,group.*', default: 'all' },
      from: { placeholder: 'POSITION', help: 'Where to begin: now, oldest or a position', default: 'now' },
      batch: { placeholder: 'COUNT', help: 'Events in one message, up to 500', default: '1' },
      'public-key': { help: 'Sign with an ed25519 key too, and print the public key' },
      'allow-private': { help: 'Allow a private address, and HTTP' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd webhook create https://app.example.com/hooks --type user.*',
    run: createEndpoint,
  },
  {
    name: 'webhook list',
    summary: 'List webhook endpoints',
    flags: { tenant: ofTenant },
    settings: ['database'],
    json: true,
    example: 'scimd webhook list',
    run: listEndpoints,
  },
  {
    name: 'webhook show',
    summary: 'Show an endpoint with its last attempts',
    operand: endpoint,
    settings: ['database'],
    json: true,
    example: 'scimd webhook show 0197c0de-7a11-7000-8000-0000000000e1',
    run: showEndpoint,
  },
  {
    name: 'webhook test',
    summary: 'Send a test event now, and show the answer',
    operand: endpoint,
    settings: ['database'],
    json: true,
    example: 'scimd webhook test 0197c0de-7a11-7000-8000-0000000000e1',
    run: testEndpoint,
  },
  {
    name: 'webhook pause',
    summary: 'Pause deliveries until it is resumed',
    operand: endpoint,
    settings: ['database'],
    json: true,
    example: 'scimd webhook pause 0197c0de-7a11-7000-8000-0000000000e1',
    run: pauseEndpoint,
  },
  {
    name: 'webhook resume',
    summary: 'Resume a paused or disabled endpoint where it stopped',
    operand: endpoint,
    settings: ['database'],
    json: true,
    example: 'scimd webhook resume 0197c0de-7a11-7000-8000-0000000000e1',
    run: resumeEndpoint,
  },
  {
    name: 'webhook rotate',
    summary: 'Replace the secret; the old one also signs for a while',
    operand: endpoint,
    flags: {
      overlap: {
        placeholder: 'SPAN',
        help: 'How long the old one is valid beside it',
        default: secretOverlap,
      },
    },
    settings: ['database'],
    json: true,
    example: 'scimd webhook rotate 0197c0de-7a11-7000-8000-0000000000e1',
    run: rotateEndpoint,
  },
  {
    name: 'webhook replay',
    summary: 'Resend events',
    operand: endpoint,
    flags: {
      from: { placeholder: 'POSITION', help: 'First event', required: true },
      to: { placeholder: 'POSITION', help: 'Last event', default: 'the same' },
    },
    settings: ['database'],
    json: true,
    example: 'scimd webhook replay 0197c0de-7a11-7000-8000-0000000000e1 --from 4812',
    run: replayEvents,
  },
  {
    name: 'webhook delete',
    summary: 'Delete an endpoint with its attempts',
    operand: endpoint,
    settings: ['database'],
    json: true,
    example: 'scimd webhook delete 0197c0de-7a11-7000-8000-0000000000e1',
    run: deleteEndpoint,
  },
];
