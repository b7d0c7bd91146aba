/** Resources and messages of the standard as TypeScript sees them (RFC 7643 §3, §4; RFC 7644 §3.4.2, §3.5.2). */

/** What a server says of a resource (RFC 7643 §3.1). */
export interface Meta {
  resourceType?: string;
  created?: string;
  lastModified?: string;
  location?: string;
  version?: string;
}

/** One value of most multi-valued attributes (RFC 7643 §2.4). */
export interface MultiValue {
  value?: string;
  display?: string;
  type?: string;
  primary?: boolean;
}

/** A postal address (RFC 7643 §4.1.2). */
export interface Address {
  formatted?: string;
  streetAddress?: string;
  locality?: string;
  region?: string;
  postalCode?: string;
  country?: string;
  type?: string;
  primary?: boolean;
}

/** What every resource has (RFC 7643 §3.1); `id` and `meta` are the server's to give. */
export interface Resource {
  schemas: string[];
  id?: string;
  externalId?: string;
  meta?: Meta;
}

/** A user (RFC 7643 §4.1), with the enterprise extension (§4.3); other extensions are yours to add. */
export interface User extends Resource {
  userName: string;
  name?: {
    formatted?: string;
    familyName?: string;
    givenName?: string;
    middleName?: string;
    honorificPrefix?: string;
    honorificSuffix?: string;
  };
  displayName?: string;
  nickName?: string;
  profileUrl?: string;
  title?: string;
  userType?: string;
  preferredLanguage?: string;
  locale?: string;
  timezone?: string;
  active?: boolean;
  /** Never returned. */
  password?: string;
  emails?: MultiValue[];
  phoneNumbers?: MultiValue[];
  ims?: MultiValue[];
  photos?: MultiValue[];
  addresses?: Address[];
  /** The server's to compute. */
  groups?: {
    value?: string;
    $ref?: string;
    display?: string;
    type?: string;
  }[];
  entitlements?: MultiValue[];
  roles?: MultiValue[];
  x509Certificates?: MultiValue[];
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'?: EnterpriseUser;
}

/** The enterprise extension of a user (RFC 7643 §4.3). */
export interface EnterpriseUser {
  employeeNumber?: string;
  costCenter?: string;
  organization?: string;
  division?: string;
  department?: string;
  manager?: { value?: string; $ref?: string; displayName?: string };
}

/** A group (RFC 7643 §4.2). */
export interface Group extends Resource {
  displayName: string;
  members?: {
    value?: string;
    $ref?: string;
    type?: string;
    display?: string;
  }[];
}

/** The answer to a query (RFC 7644 §3.4.2, with the cursors of RFC 9865 §2). */
export interface ListResponse<R = Resource> {
  readonly schemas: readonly ['urn:ietf:params:scim:api:messages:2.0:ListResponse'];
  readonly totalResults: number;
  readonly itemsPerPage: number;
  readonly startIndex?: number;
  readonly nextCursor?: string;
  readonly previousCursor?: string;
  readonly Resources: readonly R[];
}

/** One operation of a PatchOp message (RFC 7644 §3.5.2), as it was received. */
export interface PatchOperation {
  readonly op: string;
  readonly path?: string;
  readonly value?: unknown;
}

/** The body of a PATCH (RFC 7644 §3.5.2). */
export interface PatchOp {
  readonly schemas: readonly string[];
  readonly Operations: readonly PatchOperation[];
}
