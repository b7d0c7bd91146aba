/** Resources and messages of the standard as TypeScript sees them (RFC 7643 §3, §4; RFC 7644 §3.4.2, §3.5.2). */

/** What a server says of a resource (RFC 7643 §3.1). */
export interface Meta {
  readonly resourceType?: string;
  readonly created?: string;
  readonly lastModified?: string;
  readonly location?: string;
  readonly version?: string;
}

/** One value of most multi-valued attributes (RFC 7643 §2.4). */
export interface MultiValue {
  readonly value?: string;
  readonly display?: string;
  readonly type?: string;
  readonly primary?: boolean;
}

/** A postal address (RFC 7643 §4.1.2). */
export interface Address {
  readonly formatted?: string;
  readonly streetAddress?: string;
  readonly locality?: string;
  readonly region?: string;
  readonly postalCode?: string;
  readonly country?: string;
  readonly type?: string;
  readonly primary?: boolean;
}

/** What every resource has (RFC 7643 §3.1); `id` and `meta` are the server's to give. */
export interface Resource {
  readonly schemas: readonly string[];
  readonly id?: string;
  readonly externalId?: string;
  readonly meta?: Meta;
}

/** A user (RFC 7643 §4.1), with the enterprise extension (§4.3); other extensions are yours to add. */
export interface User extends Resource {
  readonly userName: string;
  readonly name?: {
    readonly formatted?: string;
    readonly familyName?: string;
    readonly givenName?: string;
    readonly middleName?: string;
    readonly honorificPrefix?: string;
    readonly honorificSuffix?: string;
  };
  readonly displayName?: string;
  readonly nickName?: string;
  readonly profileUrl?: string;
  readonly title?: string;
  readonly userType?: string;
  readonly preferredLanguage?: string;
  readonly locale?: string;
  readonly timezone?: string;
  readonly active?: boolean;
  /** Never returned. */
  readonly password?: string;
  readonly emails?: readonly MultiValue[];
  readonly phoneNumbers?: readonly MultiValue[];
  readonly ims?: readonly MultiValue[];
  readonly photos?: readonly MultiValue[];
  readonly addresses?: readonly Address[];
  /** The server's to compute. */
  readonly groups?: readonly {
    readonly value?: string;
    readonly $ref?: string;
    readonly display?: string;
    readonly type?: string;
  }[];
  readonly entitlements?: readonly MultiValue[];
  readonly roles?: readonly MultiValue[];
  readonly x509Certificates?: readonly MultiValue[];
  readonly 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'?: EnterpriseUser;
}

/** The enterprise extension of a user (RFC 7643 §4.3). */
export interface EnterpriseUser {
  readonly employeeNumber?: string;
  readonly costCenter?: string;
  readonly organization?: string;
  readonly division?: string;
  readonly department?: string;
  readonly manager?: { readonly value?: string; readonly $ref?: string; readonly displayName?: string };
}

/** A group (RFC 7643 §4.2). */
export interface Group extends Resource {
  readonly displayName: string;
  readonly members?: readonly {
    readonly value?: string;
    readonly $ref?: string;
    readonly type?: string;
    readonly display?: string;
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
