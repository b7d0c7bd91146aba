/**
 * The definitions of RFC 7643 §8.7 with their errata and with what the prose of the same RFC demands: attribute, type
 * and whatever is not its default (RFC 7643 §2.2). `[]` is multi-valued, (…) canonicalValues, -> referenceTypes.
 */
export const definitions: Readonly<Record<string, string>> = {
  'urn:ietf:params:scim:schemas:core:2.0:User': `
userName string required unique=server
name complex
  formatted string
  familyName string
  givenName string
  middleName string
  honorificPrefix string
  honorificSuffix string
displayName string
nickName string
profileUrl reference caseExact ->external
title string
userType string
preferredLanguage string
locale string
timezone string
active boolean
password string writeOnly returned=never
emails[] complex
  value string
  display string
  type string (work|home|other)
  primary boolean
phoneNumbers[] complex
  value string
  display string
  type string (work|home|mobile|fax|pager|other)
  primary boolean
ims[] complex
  value string
  display string
  type string (aim|gtalk|icq|xmpp|msn|skype|qq|yahoo|other)
  primary boolean
photos[] complex
  value reference caseExact ->external
  display string
  type string (photo|thumbnail)
  primary boolean
addresses[] complex
  formatted string
  streetAddress string
  locality string
  region string
  postalCode string
  country string
  type string (work|home|other)
  primary boolean
groups[] complex readOnly
  value string caseExact readOnly
  $ref reference caseExact readOnly ->Group
  display string readOnly
  type string readOnly (direct|indirect)
entitlements[] complex
  value string
  display string
  type string
  primary boolean
roles[] complex
  value string
  display string
  type string
  primary boolean
x509Certificates[] complex
  value binary caseExact
  display string
  type string
  primary boolean
`,
  'urn:ietf:params:scim:schemas:core:2.0:Group': `
displayName string required
members[] complex
  value string caseExact immutable
  $ref reference caseExact immutable ->User|Group
  type string immutable (User|Group)
  display string readOnly
`,
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': `
employeeNumber string
costCenter string
organization string
division string
department string
manager complex
  value string caseExact
  $ref reference caseExact ->User
  displayName string readOnly
`,
  'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig': `
documentationUri reference caseExact readOnly ->external
patch complex required readOnly
  supported boolean required readOnly
bulk complex required readOnly
  supported boolean required readOnly
  maxOperations integer required readOnly
  maxPayloadSize integer required readOnly
filter complex required readOnly
  supported boolean required readOnly
  maxResults integer required readOnly
changePassword complex required readOnly
  supported boolean required readOnly
sort complex required readOnly
  supported boolean required readOnly
etag complex required readOnly
  supported boolean required readOnly
authenticationSchemes[] complex required readOnly
  type string required readOnly (oauth|oauth2|oauthbearertoken|httpbasic|httpdigest)
  name string required readOnly
  description string required readOnly
  specUri reference caseExact readOnly ->external
  documentationUri reference caseExact readOnly ->external
  primary boolean readOnly
pagination complex readOnly
  cursor boolean required readOnly
  index boolean required readOnly
  defaultPaginationMethod string readOnly (cursor|index)
  defaultPageSize integer readOnly
  maxPageSize integer readOnly
  cursorTimeout integer readOnly
securityEvents complex readOnly
  asyncRequest string readOnly (none|long|request)
  eventUris[] string readOnly
`,
  'urn:ietf:params:scim:schemas:core:2.0:ResourceType': `
id string readOnly
name string required caseExact readOnly unique=server
description string readOnly
endpoint reference required caseExact readOnly unique=server ->uri
schema reference required caseExact readOnly ->uri
schemaExtensions[] complex readOnly
  schema reference required caseExact readOnly ->uri
  required boolean required readOnly
`,
  'urn:ietf:params:scim:schemas:core:2.0:Schema': `
id string required readOnly
name string required readOnly
description string readOnly
attributes[] complex required readOnly
  name string required caseExact readOnly
  type string required readOnly (string|complex|boolean|decimal|integer|dateTime|reference|binary)
  multiValued boolean required readOnly
  description string caseExact readOnly
  required boolean readOnly
  canonicalValues[] string caseExact readOnly
  caseExact boolean readOnly
  mutability string caseExact readOnly (readOnly|readWrite|immutable|writeOnly)
  returned string caseExact readOnly (always|never|default|request)
  uniqueness string caseExact readOnly (none|server|global)
  referenceTypes[] string caseExact readOnly
  subAttributes[] complex readOnly
    name string required caseExact readOnly
    type string required readOnly (string|boolean|decimal|integer|dateTime|reference|binary)
    multiValued boolean required readOnly
    description string caseExact readOnly
    required boolean readOnly
    canonicalValues[] string caseExact readOnly
    caseExact boolean readOnly
    mutability string caseExact readOnly (readOnly|readWrite|immutable|writeOnly)
    returned string caseExact readOnly (always|never|default|request)
    uniqueness string caseExact readOnly (none|server|global)
    referenceTypes[] string caseExact readOnly
`,
};
