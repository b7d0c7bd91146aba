import { members, table } from '../../../src/index.ts';

export const User = table('users', {
  key: { id: 'scim_id', version: 'scim_version' },
  created: 'created_at',
  modified: 'updated_at',
  attributes: {
    userName: { column: 'email', folded: 'email_folded' },
    externalId: 'idp_id',
    'name.givenName': 'first_name',
    active: {
      column: 'disabled_at',
      get: (at) => at === null,
      set: (on) => (on === false ? new Date() : null),
    },
  },
  rest: 'scim',
  onDelete: { set: { deleted_at: () => new Date() } },
});

export const Group = table('teams', {
  key: { id: 'scim_id', version: 'scim_version' },
  attributes: { displayName: 'name', externalId: 'idp_id' },
  rest: 'scim',
  members: members('team_members', { group: 'team_id', member: 'user_id', nested: 'child_id' }),
});
