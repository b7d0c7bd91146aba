/**
 * What RFC 7643 (S), RFC 7644 (P), RFC 9865 (C), RFC 9967 (E), RFC 9944 (D) and the RFCs that they lean on (H) ask of a
 * service provider. A number is the part, the section and a count; the names of tests begin with it. † marks a duty
 * that the RFC states as plain fact, in a table, in an example or by erratum; ‡ one that no RFC states.
 */

export type Level = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY';

export interface Requirement {
  readonly id: string;
  readonly level: Level;
  /** `derived` is †, `added` is ‡. */
  readonly origin: 'stated' | 'derived' | 'added';
  readonly title: string;
}

const table = `
S-1.2-01 MUST A simple (non-complex) attribute never carries sub-attributes.
S-2-01 MUST† A request is judged attribute by attribute against the server's own schema (apply, ignore or refuse each), never as one all-or-nothing document match.
S-2.1-01 MUST Attribute names in JSON bodies are matched case-insensitively.
S-2.1-02 MUST The same case-insensitivity holds in filter, sortBy, attributes, excludedAttributes and PATCH path, for schema URN, attribute and sub-attribute alike.
S-2.1-03 MUST Every attribute name the server defines matches ALPHA *( "$" / "-" / "_" / DIGIT / ALPHA ); only the RFC's own "$ref" starts otherwise.
S-2.1-04 MUST Every resource body carries "schemas".
S-2.1-05 MUST† Literals in the ABNF rules (operators, and/or/not/pr) are case-insensitive.
S-2.1-06 SHOULD† Two members naming the same attribute in different case are treated as a malformed body rather than silently merged (RFC 8259 §4 asks for unique names).
S-2.2-01 MUST† An attribute definition that omits a characteristic behaves as required=false, no canonicalValues, caseExact=false, mutability=readWrite, returned=default, uniqueness=none, type=string.
S-2.3-01 SHOULD NOT Extensions do not invent data types; only string, boolean, decimal, integer, dateTime, binary, reference, complex occur.
S-2.3-02 MUST† Each type maps to its JSON type; a value of the wrong JSON type is refused with 400 invalidValue.
S-2.3.1-01 MUST† Strings hold any Unicode text in UTF-8, including zero-length and non-BMP characters, and come back unchanged (unless the attribute has a format or may be case-altered).
S-2.3.1-02 MAY A string attribute may demand a format (locale, timezone, country…).
S-2.3.1-03 MAY When canonicalValues exist the server may accept only those; otherwise it must say so by accepting others.
S-2.3.2-01 MUST† A boolean is the JSON literal true or false in every response.
S-2.3.2-02 MUST† A boolean has neither case sensitivity nor uniqueness.
S-2.3.3-01 MUST† A decimal is a JSON number; a JSON string is refused.
S-2.3.4-01 MUST An integer value has no fraction and no exponent part.
S-2.3.5-01 MUST dateTime values are xsd:dateTime strings with both date and time.
S-2.3.5-02 MUST† dateTime has no case sensitivity or uniqueness and is compared as an instant.
S-2.3.6-01 MUST Binary values are base64 (RFC 4648 §4); URL-safe base64 only where the attribute definition says so.
S-2.3.6-02 MAY Trailing "=" padding may be left out unless the definition forbids it.
S-2.3.6-03 MUST† Binary is case-exact and has no uniqueness (overrides caseExact=false in §8.7.1; errata 6000, 8470).
S-2.3.7-01 MUST A reference value is an absolute or relative URI.
S-2.3.7-02 MUST Relative references resolve against the base that stops before the endpoint (…/v2/), not against the request URL.
S-2.3.7-03 MUST† References are case-exact (overrides caseExact=false in §8.7.1; erratum 6001).
S-2.3.7-04 MUST A reference URI is HTTP-addressable and a GET on it yields the resource or a proper HTTP code.
S-2.3.7-05 MAY The server may enforce referential integrity for SCIM references.
S-2.3.7-06 MUST† A reference attribute publishes referenceTypes.
S-2.3.8-01 MUST NOT Sub-attribute order is never required or relied upon.
S-2.3.8-02 MUST NOT A complex attribute contains no complex sub-attributes (the Schema resource itself is the only exception).
S-2.3.8-03 MUST† A complex attribute has no uniqueness and no case sensitivity of its own (erratum 6004).
S-2.4-01 MUST† Multi-valued attributes are JSON arrays, in and out.
S-2.4-02 MUST The default sub-attributes type, primary, display, value, $ref keep the meaning the RFC gives them.
S-2.4-03 MUST primary=true occurs at most once per attribute.
S-2.4-04 MUST A missing primary counts as false.
S-2.4-05 MUST $ref URIs with a version segment, without one or with another one are equal.
S-2.4-06 MUST† $ref and URL values are normalised per RFC 3986 §6.2 for comparison.
S-2.4-07 SHOULD Returned multi-valued entries carry a canonical type where fitting.
S-2.4-08 MAY The same value may be returned several times under different types.
S-2.4-09 SHOULD NOT The same (type, value) pair is not returned twice in one attribute.
S-2.5-01 MUST Absent, null and [] are the same state.
S-2.5-02 MUST† Writing null (singular) or [] (multi-valued) makes the attribute unassigned.
S-2.5-03 MAY Unassigned attributes may be left out of responses.
S-3-01 MUST "schemas" is a non-empty array of unique URIs.
S-3-02 MUST "schemas" holds only the schema and schemaExtensions of the resource's resource type.
S-3-03 MUST NOT The order of "schemas" values changes nothing.
S-3-04 MUST Common attributes (id, externalId, meta) exist on every resource regardless of "schemas".
S-3-05 MUST† Core attributes sit at top level; extension attributes sit only inside an object keyed by the extension URI.
S-3-06 MUST† When an extension object is present in the representation its URI is listed in "schemas" (and not listed when no longer used).
S-3.1-01 MUST id and meta are assigned by the server on create.
S-3.1-02 MUST Every representation contains a non-empty id.
S-3.1-03 MUST id is unique over the whole set of resources of the server, not only per type (per tenant at least, 7644 §6.2).
S-3.1-04 MUST id is stable and never reassigned.
S-3.1-05 MUST NOT A client-sent id on create is not adopted.
S-3.1-06 MUST NOT No id contains the reserved word "bulkId".
S-3.1-07 MUST id is caseExact, readOnly, returned=always.
S-3.1-08 MUST NOT The server never invents or alters externalId.
S-3.1-09 MUST externalId is interpreted within the provisioning domain (client/tenant) that set it.
S-3.1-10 MUST† The server does not enforce uniqueness of externalId.
S-3.1-11 MUST externalId is caseExact and readWrite.
S-3.1-12 MAY A resource may have a non-empty externalId; it is optional on every resource type, Groups included.
S-3.1-13 MUST meta sent by clients is ignored.
S-3.1-14 MUST† meta sub-attributes are readOnly and returned=default.
S-3.1-15 MUST† meta.resourceType is the resource type's name, case-exact.
S-3.1-16 MUST meta.created is a dateTime of the addition.
S-3.1-17 MUST meta.lastModified changes on every effective update and equals created before the first one.
S-3.1-18 MUST meta.location is the resource's URI and equals the Content-Location header when that header is sent.
S-3.1-19 MUST† meta.version (if versioning is supported) equals the ETag header.
S-3.1-20 MUST A version that is not a strong validator is marked weak with upper-case W/.
S-3.1-21 MUST† version is case-exact.
S-3.1-22 MUST These characteristics override those in older schema documents that list common attributes.
S-3.2-01 MAY The server may offer further resource types, each with name, endpoint, base schema and extensions.
S-3.3-01 MUST "schemas" contains at least the base schema URI.
S-3.3-02 MUST Extension attributes live in a JSON container named by the extension URI.
S-3.3-03 MUST† Extensions are additive; there is no inheritance.
S-3.3-04 SHOULD NOT Extensions do not redefine core attributes.
S-3.3-05 MUST† An extension with required=true must be present on resources of that type, with its required attributes (see §6).
S-4.1.1-01 MUST userName is required and non-empty.
S-4.1.1-02 MUST userName is unique among all Users of the server (tenant).
S-4.1.1-03 MUST† userName is compared case-insensitively for uniqueness, filter and sort.
S-4.1.1-04 MAY name may come back as formatted only, parts only, or both.
S-4.1.1-05 SHOULD If both are returned, formatted and parts describe the same name.
S-4.1.1-06 MAY displayName may be absent or a handle; SHOULD be the label shown to end users.
S-4.1.1-07 MUST† profileUrl is a URL, canonicalised per RFC 3986 §6.2 for comparison.
S-4.1.1-08 MAY userType takes any value.
S-4.1.1-09 MUST† preferredLanguage has Accept-Language syntax (language ranges with optional q).
S-4.1.1-10 MUST† locale is one RFC 5646 tag without white space.
S-4.1.1-11 MAY locale tags with "_" may be accepted.
S-4.1.1-12 MUST† timezone is an IANA zone name.
S-4.1.1-13 MUST† active is a boolean with server-defined meaning; default handling is documented.
S-4.1.1-14 MUST NOT password is never returned, neither clear nor hashed, in any response, error, bulk response, event or discovery sample.
S-4.1.1-15 SHOULD A locally held password is hashed.
S-4.1.1-16 SHOULD A new password is prepared for international comparison (RFC 8265 OpaqueString), checked against policy, then encrypted/hashed.
S-4.1.1-17 MUST A server that passes a clear password straight on does so over a secured connection.
S-4.1.1-18 MUST A password parked before provisioning is protected (encrypted).
S-4.1.1-19 MAY Equality filtering on password may be offered; the filter value is prepared and hashed first.
S-4.1.1-20 MUST† password has mutability writeOnly and returned never.
S-4.1.2-01 SHOULD emails.value follows RFC 5321.
S-4.1.2-02 SHOULD emails are canonicalised (lower-case domain at least); display may hold the canonical form.
S-4.1.2-03 MAY emails.type beyond work/home/other may be allowed.
S-4.1.2-04 SHOULD phoneNumbers follow and are canonicalised to RFC 3966.
S-4.1.2-05 SHOULD ims values lose white space and are lower-cased; types aim, gtalk, icq, xmpp, msn, skype, qq, yahoo, other.
S-4.1.2-06 MUST photos.value is a URL of an image file, not of a web page.
S-4.1.2-07 MAY All addresses sub-attributes are optional; formatted and streetAddress may contain newlines.
S-4.1.2-08 MUST addresses.country is an ISO 3166-1 alpha-2 code.
S-4.1.2-09 MUST† addresses accepts primary although §8.7.1 forgets it (2.4 default set, 7644 §3.5.2.3 example).
S-4.1.2-10 MUST User.groups is readOnly; membership changes only through Group.
S-4.1.2-11 MUST groups.value is the Group's id and groups.$ref its URI when Groups are exposed.
S-4.1.2-12 SHOULD groups.type tells direct from indirect (nested/dynamic) membership.
S-4.1.2-13 MAY entitlements and roles are free-form with no canonical types.
S-4.1.2-14 MUST Each x509Certificates.value is exactly one DER certificate in base64; no certificate sequences.
S-4.2-01 MUST Group.displayName is required (erratum 5368, verified).
S-4.2-02 MAY Members may be added and removed.
S-4.2-03 MUST† Sub-attributes of one member are immutable.
S-4.2-04 MUST† members.value is the id of a SCIM resource and members.$ref its URI.
S-4.2-05 MAY Nested groups (members of type Group) may be supported.
S-4.2-06 MAY The server may require members.value by marking the sub-attribute required.
S-4.3-01 MUST† The extension URN is urn:ietf:params:scim:schemas:extension:enterprise:2.0:User with employeeNumber, costCenter, organization, division, department, manager.
S-4.3-02 SHOULD manager.value and manager.$ref are supported (RECOMMENDED, not required, despite "REQUIRED" in the §8.7.1 description).
S-4.3-03 MUST† manager.value is a User id and case-exact (erratum 8472, verified).
S-4.3-04 MUST† manager.displayName is readOnly.
S-5-01 MUST† The resource uses schema urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig and all attributes are readOnly.
S-5-02 MUST patch.supported is present.
S-5-03 MUST bulk.supported, bulk.maxOperations, bulk.maxPayloadSize are present (integers even when bulk is off).
S-5-04 MUST filter.supported and filter.maxResults are present.
S-5-05 MUST changePassword.supported is present.
S-5-06 MUST sort.supported is present.
S-5-07 MUST etag.supported is present although §8.7.2 omits its definition.
S-5-08 MUST authenticationSchemes lists each scheme with type, name, description; specUri and documentationUri optional.
S-5-09 SHOULD authenticationSchemes is readable without prior authentication.
S-5-10 MAY documentationUri points to help; id is not required on this resource.
S-6-01 MUST† ResourceType resources are read-only with schema …core:2.0:ResourceType.
S-6-02 MUST name is present, equals meta.resourceType of its resources, is unique and case-exact (erratum 8475, verified).
S-6-03 MUST endpoint is present, relative to the base URL, unique per type (erratum 8475, verified), and works.
S-6-04 MUST schema equals the id of a Schema resource.
S-6-05 MUST Each schemaExtensions entry has schema (a Schema id) and required (boolean).
S-6-06 MUST required=true means every resource includes the extension and its required attributes; false means it may be omitted.
S-6-07 MUST† description is given when applicable; id is optional, usually equal to name.
S-7-01 MUST† There is a Schema resource for every schema URI used by any resource.
S-7-02 MUST† Schema resources are unmodifiable; id is always returned, the rest by default.
S-7-03 MUST† Schema resources carry "schemas":["…core:2.0:Schema"] and meta (errata 5999, 8417).
S-7-04 MUST id is the schema URI; name and description are given when applicable.
S-7-05 MUST† Each attribute definition states name, type, multiValued, description, required, caseExact, mutability, returned, uniqueness as applicable.
S-7-06 SHOULD A complex attribute lists subAttributes.
S-7-07 MUST† "binary" is a legal type (prose and §8.7.2 forget it; errata 5606, 8415 verified).
S-7-08 MAY canonicalValues are suggestions; unsupported values may be ignored.
S-7-09 MUST Filters honour case sensitivity as defined by caseExact.
S-7-10 MUST Case of submitted values is preserved for caseExact attributes.
S-7-11 MAY Case of values of case-insensitive attributes may be altered.
S-7-12 MUST readOnly attributes are never modified by clients.
S-7-13 MAY readWrite attributes may be read and written at any time.
S-7-14 MUST immutable attributes can be set at create or (if still empty) at replace, and never changed afterwards.
S-7-15 MUST writeOnly attributes can be updated but their values are never returned.
S-7-16 MUST† returned=always: present whatever attributes/excludedAttributes say.
S-7-17 MUST† returned=never: absent even when named in attributes.
S-7-18 MAY A returned=never attribute may still be usable in filters.
S-7-19 MUST† returned=default: present unless attributes is given without naming it, or excludedAttributes names it.
S-7-20 MUST† returned=request: in queries only when named in attributes; in POST/PUT/PATCH responses only when the client supplied it (or asked for it).
S-7-21 SHOULD uniqueness=server: no two resources of the endpoint/tenant share the value.
S-7-22 SHOULD uniqueness=global: value unique everywhere, as far as the server can know.
S-7-23 MUST† uniqueness=none: duplicates are accepted.
S-7-24 MAY A uniqueness violation may be answered 400; on create it must be 409 (7644 §3.3).
S-7-25 MUST† referenceTypes contains resource type names, "external" or "uri" and appears only on reference attributes; it is multi-valued (erratum 5607, verified).
S-8-01 MUST† The published User, Group, EnterpriseUser, ServiceProviderConfig, ResourceType and Schema definitions agree with §8.7 as corrected (see schemas/).
S-8-02 MAY A server may support only a subset of core attributes, but must not advertise those it drops.
S-9-01 MUST NOT Passwords are not stored in clear text.
S-9-02 SHOULD Credential storage follows RFC 6819 §5.1.4.1 (input validation against injection, hashing, no clear text).
S-9-03 SHOULD† The server accepts only data it needs; extensions get the same privacy care.
S-9-04 SHOULD† id and externalId are bound to tenant/client so two tenants cannot correlate the same person.
S-9-05 SHOULD† If several externalIds exist, each is visible only to the client that assigned it.
S-10-01 MUST† Schema URNs under urn:ietf:params:scim have the form schemas|api|…:{name}{:other}; unregistered vendor schemas use their own URN namespace.
P-1-01 MUST NOT The base URI contains no query string; any path prefix works.
P-1-02 MUST† Percent-encoded URLs are decoded as UTF-8 (RFC 3986 §2.1).
P-2-01 MUST† The server authenticates with TLS and/or standard HTTP schemes; no SCIM-specific scheme.
P-2-02 MUST Supported schemes are announced in WWW-Authenticate.
P-2-03 MAY Bearer, PoP, mutual TLS, HOBA, cookies may be offered.
P-2-04 SHOULD NOT Tokens issued on weak or no authentication are not accepted (except one-time cases such as self-registration).
P-2-05 MUST† The server can validate/introspect bearer tokens.
P-2-06 SHOULD Basic authentication, if offered at all, is combined with another factor.
P-2-07 MUST Each authenticated client maps to an access-control policy that decides read and write rights.
P-2-08 SHOULD The subject of the request is weighed against the resource (e.g. self only).
P-2.1-01 SHOULD Grant type, scopes and subject of a token drive access decisions.
P-2.1-02 MUST Threats of RFC 7521 §8 (replay, audience, lifetime) are countered.
P-2.2-01 MAY Anonymous create (self-registration) may be allowed.
P-3.1-01 MUST† Resources and messages are JSON identified as application/scim+json.
P-3.1-02 MUST Protocol messages have "schemas" with a URI beginning urn:ietf:params:scim:api:.
P-3.1-03 MUST NOT Message schemas (urn:ietf:params:scim:api:…) are not listed or fetchable at /Schemas.
P-3.1-04 MUST Responses reflect the state as the server holds it, not an echo of the request.
P-3.1-05 MUST† Clients need not strip readOnly attributes.
P-3.2-01 MUST† Users live at /Users, Groups at /Groups (or as /ResourceTypes says).
P-3.2-02 SHOULD New resource types use the plural of the resource name.
P-3.2-03 MUST NOT PUT never creates.
P-3.2-04 MUST† /ServiceProviderConfig, /ResourceTypes, /Schemas answer GET.
P-3.2-05 SHOULD Error codes appear as HTTP status and again in the body.
P-3.2-06 MUST† Unknown endpoints give 404 with an Error body; unsupported methods 405 with Allow (RFC 9110) or 501.
P-3.3-01 MUST readOnly attributes in the body are ignored.
P-3.3-02 MAY Omitted readWrite attributes may be defaulted.
P-3.3-03 MAY A client may override defaults with null or [].
P-3.3-04 MUST Success is 201 Created.
P-3.3-05 SHOULD The body holds the full new representation.
P-3.3-06 MUST The URI is in the Location header and in meta.location, and both agree.
P-3.3-07 MUST A conflict with an existing resource is 409 with scimType uniqueness.
P-3.3-08 MUST† A missing required attribute is 400 invalidValue; a non-conforming body is 400 invalidSyntax.
P-3.3-09 MUST† The attributes/excludedAttributes parameters also apply to the 201 body.
P-3.3-10 MUST‡ A failed create leaves nothing behind.
P-3.3-11 MUST‡ POST to a resource URI (/Users/{id}) is not a create.
P-3.3.1-01 MUST meta.resourceType is set from the endpoint.
P-3.4-01 MUST† Default responses contain attributes whose returned is always or default.
P-3.4.1-01 MUST† GET on an existing resource: 200 with the resource in the body; unknown: 404 with Error.
P-3.4.1-02 MUST‡ A resource is not reachable below another type's endpoint.
P-3.4.1-03 SHOULD† HEAD mirrors GET without a body (RFC 9110).
P-3.4.2-01 MAY Queries may target a resource, a resource type endpoint or the server root.
P-3.4.2-02 SHOULD Unknown query parameters are ignored.
P-3.4.2-03 MUST The response is a ListResponse message.
P-3.4.2-04 MUST totalResults is present and counts all matches, not just the page.
P-3.4.2-05 MUST Resources is present when totalResults is non-zero (array; PascalCase name).
P-3.4.2-06 MUST startIndex and itemsPerPage are present when results are partial.
P-3.4.2-07 MUST No match is 200 with totalResults 0, never 404.
P-3.4.2.1-01 MUST A root query (if offered) covers all resources of all types, subject to filter; meta.resourceType narrows it.
P-3.4.2.1-02 MUST† If root query is not offered it answers with an Error (501/403/404), not with an HTML page.
P-3.4.2.1-03 MUST Too many results: 400 tooMany.
P-3.4.2.1-04 MUST In a multi-type query an attribute unknown to a type counts as having no value for it.
P-3.4.2.2-01 MUST† Support (or not) is as ServiceProviderConfig.filter says; a filter on a server without support is refused, not ignored.
P-3.4.2.2-02 MUST Only matching resources are returned.
P-3.4.2.2-03 MUST† Attribute names and operators are case-insensitive.
P-3.4.2.2-04 MUST A filter has at least one valid expression.
P-3.4.2.2-05 MUST† eq: values identical under the attribute's type and case rule.
P-3.4.2.2-06 MUST† ne: not identical.
P-3.4.2.2-07 MUST† co / sw / ew: substring / prefix / suffix; identical strings satisfy all three.
P-3.4.2.2-08 MUST† pr: true for a non-empty value, or a complex attribute with at least one non-empty node.
P-3.4.2.2-09 MUST† gt/ge/lt/le: lexicographic for strings, chronological for dateTime, numeric for integers (and decimals).
P-3.4.2.2-10 MUST gt/ge/lt/le on boolean or binary: 400 invalidFilter.
P-3.4.2.2-11 MUST and, or, not work; not before and before or.
P-3.4.2.2-12 MAY Parentheses change precedence, nested freely.
P-3.4.2.2-13 MAY Complex attribute filters attr[…] may be supported; then all conditions bind to the same element and use only its sub-attributes.
P-3.4.2.2-14 MUST Filters conform to the ABNF; compValue is a JSON false/null/true/number/string.
P-3.4.2.2-15 MUST† JSON string escapes in filter literals are honoured.
P-3.4.2.2-16 MUST† Attribute paths may carry the schema URN; the URN's dots are not sub-attribute separators.
P-3.4.2.2-17 MUST A multi-valued attribute matches if any value matches.
P-3.4.2.2-18 MUST Complex attributes are addressed by sub-attribute.
P-3.4.2.2-19 MUST† A multi-valued complex attribute without sub-attribute means its value (RFC example emails co "example.com").
P-3.4.2.2-20 MUST For defaulted attributes the comparison uses the value that was returned to the last writer.
P-3.4.2.2-21 MAY Further operators may be supported.
P-3.4.2.2-22 MUST An unknown operator: 400 invalidFilter with a readable detail.
P-3.4.2.2-23 MUST String comparison follows caseExact.
P-3.4.2.2-24 MAY "schemas" may be filtered.
P-3.4.2.2-25 MUST† eq null / ne null are legal and mean unassigned / assigned (2.5 + ABNF).
P-3.4.2.2-26 MUST† A comparison value of the wrong JSON type: 400 invalidFilter (or a documented no-match).
P-3.4.2.2-27 MUST† meta, id, externalId and extension attributes are filterable like others when filtering is supported.
P-3.4.2.2-28 SHOULD‡ An attribute the caller may not read behaves in a filter as having no value.
P-3.4.2.2-29 SHOULD‡ Depth, length and cost of a filter are limited.
P-3.4.2.3-01 MUST‡ Support is as ServiceProviderConfig.sort says; sortBy is ignored or refused consistently otherwise.
P-3.4.2.3-02 MUST sortBy orders the result by the attribute's value.
P-3.4.2.3-03 MUST† Multi-valued: sort by the primary value, else the first.
P-3.4.2.3-04 MUST† Complex attributes need a sub-attribute path.
P-3.4.2.3-05 MUST† Resources without the value come last ascending, first descending.
P-3.4.2.3-06 MUST sortOrder defaults to ascending; only ascending/descending are valid.
P-3.4.2.3-07 MUST Order follows the type: case-insensitive Unicode order, or case-sensitive for caseExact strings; no locale. Numbers numeric, dates chronological.
P-3.4.2.3-08 MUST‡ Sorting happens before paging and is total (stable tie-break).
P-3.4.2.4-01 MUST startIndex is 1-based, default 1; below 1 counts as 1.
P-3.4.2.4-02 MUST NOT Never more than count results; fewer is allowed.
P-3.4.2.4-03 MUST Negative count counts as 0.
P-3.4.2.4-04 MUST count=0: no resources, totalResults correct.
P-3.4.2.4-05 MUST† Without count the server picks a maximum (≤ filter.maxResults).
P-3.4.2.4-06 MUST† itemsPerPage is the number of resources in this page, not the requested count.
P-3.4.2.4-07 MUST‡ startIndex beyond the end: 200, totalResults kept, no resources.
P-3.4.2.4-08 MUST† Non-integer startIndex/count: 400 invalidValue.
P-3.4.2.4-09 MUST‡ A walk over unchanged data returns each resource exactly once (deterministic default order).
P-3.4.2.5-01 MUST Both parameters are supported on queries.
P-3.4.2.5-02 MUST† attributes replaces the default set; always-attributes stay.
P-3.4.2.5-03 MUST excludedAttributes never removes returned=always attributes.
P-3.4.2.5-04 MUST Names use standard attribute notation (URN and sub-attributes included).
P-3.4.3-01 MUST POST {endpoint}/.search is a query, on each resource type endpoint (and the root if root queries are offered).
P-3.4.3-02 MUST The body is identified by the SearchRequest URI.
P-3.4.3-03 MAY The body may hold attributes, excludedAttributes (JSON arrays), filter, sortBy, sortOrder, startIndex, count.
P-3.4.3-04 MUST filter must be valid; sortBy in attribute notation.
P-3.4.3-05 MUST† The answer is the same ListResponse as for GET, status 200 (not 201).
P-3.5-01 MUST PUT is supported.
P-3.5-02 SHOULD PATCH is supported.
P-3.5.1-01 MUST NOT PUT does not create.
P-3.5.1-02 MUST Given readWrite and writeOnly values replace the existing ones.
P-3.5.1-03 MAY Omitted readWrite attributes may be cleared or defaulted.
P-3.5.1-04 MAY The server may spare attributes the client cannot see or does not understand.
P-3.5.1-05 MAY null / [] clear a value explicitly.
P-3.5.1-06 SHOULD immutable with an existing value: input must match, else 400 mutability.
P-3.5.1-07 MUST immutable without existing value: new value is applied.
P-3.5.1-08 MUST readOnly values are ignored.
P-3.5.1-09 MUST† A required attribute must be in the body: otherwise 400 invalidValue.
P-3.5.1-10 MUST† Success is 200 with the entire resource.
P-3.5.1-11 MUST† PUT on an unknown id: 404; uniqueness conflict: 409 uniqueness.
P-3.5.2-01 MAY PATCH is optional; without support 501.
P-3.5.2-02 MUST NOT† Array indexes and JSON-Patch-only operations (move, copy, test) and JSON-Pointer paths are not part of SCIM PATCH.
P-3.5.2-03 MUST The body has schemas PatchOp.
P-3.5.2-04 MUST Operations is an array of one or more operations.
P-3.5.2-05 MUST Each operation has exactly one op of add, remove, replace.
P-3.5.2-06 MUST path is optional for add/replace and mandatory for remove.
P-3.5.2-07 MUST† path follows attrPath or valuePath[subAttr].
P-3.5.2-08 MUST† path may be URN-qualified, including a valuePath on an extension attribute and a whole extension URN.
P-3.5.2-09 MUST An operation incompatible with mutability or schema is refused with an Error.
P-3.5.2-10 MAY add to an immutable attribute without value is allowed.
P-3.5.2-11 MUST Unqualified paths and values are interpreted with the schemas the stored resource currently has; the PatchOp body need not name them.
P-3.5.2-12 MUST Later operations see schemas as changed by earlier ones.
P-3.5.2-13 MAY Writing a fully qualified extension attribute implicitly adds its URN to schemas.
P-3.5.2-14 MUST† Operations run in order, each on the result of the one before.
P-3.5.2-15 MUST Setting primary true on one value clears it on the others.
P-3.5.2-16 MUST PATCH is atomic: one failing operation restores the original and fails the request.
P-3.5.2-17 MUST A failure has a status and an Error body.
P-3.5.2-18 MUST Success is 200 with the entire resource (subject to attributes) or 204 without a body.
P-3.5.2-19 MUST With the attributes parameter it must be 200.
P-3.5.2-20 MUST† ETag (if supported) and appropriate headers accompany 204 too.
P-3.5.2.1-01 MUST value is mandatory.
P-3.5.2.1-02 MUST† Without path, value is an object of attributes merged into the resource.
P-3.5.2.1-03 MUST† Missing target: attribute created.
P-3.5.2.1-04 MUST† Complex target: value holds sub-attributes (a scalar is refused); sub-attributes not given stay.
P-3.5.2.1-05 MUST† Multi-valued target: values are appended, existing kept; one object or an array is accepted.
P-3.5.2.1-06 MUST† Single-valued target: value replaced.
P-3.5.2.1-07 SHOULD Adding what is already there changes nothing and succeeds.
P-3.5.2.1-08 MUST NOT Such a no-op does not change meta.lastModified (nor the version).
P-3.5.2.2-01 MUST† No path: 400 noTarget.
P-3.5.2.2-02 MUST Single-valued target: unassigned afterwards.
P-3.5.2.2-03 MUST Multi-valued without filter: all values gone, attribute unassigned.
P-3.5.2.2-04 MUST Multi-valued with filter: only matching values go; unassigned when none is left.
P-3.5.2.2-05 MUST† With filter and sub-attribute: only that sub-attribute of matching entries goes.
P-3.5.2.2-06 MUST Removing (or emptying) a required or readOnly attribute: error with scimType mutability.
P-3.5.2.2-07 MUST† Removing a member that is not there succeeds without change (RFC prose for the example).
P-3.5.2.3-01 MUST Without path, value is an object of attributes to replace; others are untouched.
P-3.5.2.3-02 MUST† Single-valued: replaced.
P-3.5.2.3-03 MUST† Multi-valued without filter: the whole list is replaced.
P-3.5.2.3-04 MUST Attribute without value: treated as add.
P-3.5.2.3-05 MUST Complex target: given sub-attributes replace or are added, the others stay.
P-3.5.2.3-06 MUST valuePath matching one or more values: all matching records are replaced.
P-3.5.2.3-07 MUST† valuePath with sub-attribute: that sub-attribute of all matches is replaced.
P-3.5.2.3-08 MUST valuePath without match: 400 noTarget.
P-3.6-01 MAY Deletion may be soft inside.
P-3.6-02 MUST Afterwards every operation on the resource is 404.
P-3.6-03 MUST Deleted resources vanish from all queries.
P-3.6-04 SHOULD NOT A deleted resource does not cause conflicts.
P-3.6-05 MUST Success is 204 without body.
P-3.6-06 SHOULD‡ References to the deleted resource are cleaned (Group.members, manager).
P-3.7-01 MAY Bulk is optional, announced in ServiceProviderConfig; else 501 (or 404).
P-3.7-02 MUST† Request schemas BulkRequest, response BulkResponse.
P-3.7-03 MUST Operations is mandatory with method and path each.
P-3.7-04 MUST† method is POST, PUT, PATCH or DELETE.
P-3.7-05 MUST bulkId is mandatory for POST and unique in the request.
P-3.7-06 MAY version acts like If-Match for PUT, PATCH, DELETE.
P-3.7-07 MUST† path is relative to the base: a type endpoint for POST, a resource for the others.
P-3.7-08 MUST data is mandatory for POST, PUT, PATCH.
P-3.7-09 MUST location is returned for every operation except failed POSTs.
P-3.7-10 MUST response (Error body) is included for every non-2xx operation; optional otherwise.
P-3.7-11 MUST A processed job is HTTP 200 even with failed operations; a refused job has an HTTP error.
P-3.7-12 MUST Without failOnErrors everything possible is carried out despite failures.
P-3.7-13 MUST† failOnErrors=n stops after n errors; later operations are not run and have no result.
P-3.7-14 MUST NOT† failOnErrors does not appear in the response.
P-3.7-15 MUST The same bulkId comes back with the created resource.
P-3.7-16 MUST Reordering for optimisation keeps the client's intended result.
P-3.7-17 MUST† Each operation has the effect, checks and errors of the single HTTP request (authorisation included).
P-3.7-18 MUST† The Operations results let the client map each request (method, bulkId/location, status).
P-3.7-19 MUST† data is the body of the single request; for PATCH a whole PatchOp message (the §3.7.3 example is wrong, erratum 5050).
P-3.7.1-01 MUST The server tries to resolve circular bulkId references; may give 409 after failing.
P-3.7.2-01 MUST "bulkId:x" in data is replaced with the real id, in core and extension references.
P-3.7.2-02 MUST‡ A reference to an unknown or failed bulkId fails that operation, and "bulkId:" is never stored.
P-3.7.2-03 SHOULD‡ bulkId also works inside path (e.g. PATCH /Groups/bulkId:x).
P-3.7.3-01 MUST All processed operations have a result.
P-3.7.3-02 MUST† status is the HTTP code as a JSON string (erratum 7916 and main examples; not an object).
P-3.7.3-03 MUST† version (ETag) is given for successful create/update when versioning is supported.
P-3.7.3-04 MUST A failed operation carries a human-readable explanation (response.detail).
P-3.7.4-01 MUST Maximum operations and payload size are defined.
P-3.7.4-02 MUST Exceeding either: 413.
P-3.7.4-03 MUST The 413 body names the limit exceeded.
P-3.8-01 MUST JSON in UTF-8 is accepted and returned; UTF-8 is the default.
P-3.8-02 MUST Accept: application/scim+json is supported.
P-3.8-03 SHOULD Accept: application/json is supported.
P-3.8-04 MUST† Without Accept (or */*) the answer is application/scim+json.
P-3.8-05 MAY Other formats and the .scim URI suffix may be supported.
P-3.8-06 SHOULD† Request bodies of application/scim+json and application/json (with parameters) are accepted, others 415.
P-3.9-01 MUST† Every operation returning a resource returns minimum + default set unless told otherwise.
P-3.9-02 MUST attributes: minimum set plus those named, nothing else; on any returning operation.
P-3.9-03 MUST excludedAttributes: minimum set plus default set minus those named.
P-3.9-04 MUST† The two are mutually exclusive.
P-3.9-05 MUST† Values are comma-separated; spaces around commas harmless; unknown names ignored.
P-3.9-06 MUST† A sub-attribute selection returns just it inside its parent; multi-valued keep one object per value.
P-3.10-01 MUST† {urn}:{attr}.{sub} identifies any attribute; core URN may be omitted; all facets case-insensitive.
P-3.11-01 SHOULD Unsupported: 501.
P-3.11-02 MAY Supported by 308 redirect to the real resource.
P-3.11-03 MAY Or processed directly, for any SCIM operation.
P-3.11-04 MUST Processed directly: Location is the permanent URI.
P-3.11-05 MAY POST /Me creates a resource of a type the server chooses.
P-3.12-01 MUST Errors carry a JSON body with schemas …messages:2.0:Error.
P-3.12-02 MUST status is the HTTP code as a JSON string.
P-3.12-03 MAY scimType and detail are optional; scimType only from Table 9 (or registered).
P-3.12-04 SHOULD 307: temporary redirect, repeat same method; original URI stays valid.
P-3.12-05 SHOULD 308: permanent redirect.
P-3.12-06 SHOULD 400: unparsable, malformed, schema violation.
P-3.12-07 SHOULD 401: missing or invalid credentials.
P-3.12-08 SHOULD 403: authenticated but not permitted.
P-3.12-09 SHOULD 404: resource or endpoint unknown.
P-3.12-10 SHOULD 409: duplicate (or version conflict).
P-3.12-11 SHOULD 412: version precondition failed.
P-3.12-12 SHOULD 413: bulk (or body) too large, limits named.
P-3.12-13 SHOULD 500: internal error with useful but non-sensitive advice.
P-3.12-14 SHOULD 501: operation not supported.
P-3.12-15 MUST† scimType invalidFilter: bad filter syntax or unsupported attribute/comparison pair (GET, .search, PATCH path filter).
P-3.12-16 MUST† scimType tooMany: filter yields more than the server will process.
P-3.12-17 MUST† scimType uniqueness: value in use or reserved (POST, PUT, PATCH).
P-3.12-18 MUST† scimType mutability: change clashes with mutability or current state (PUT, PATCH).
P-3.12-19 MUST† scimType invalidSyntax: body structure invalid (search, create, bulk, PUT; PATCH by practice).
P-3.12-20 MUST† scimType invalidPath: PATCH path malformed.
P-3.12-21 MUST† scimType noTarget: path yields nothing to operate on.
P-3.12-22 MUST† scimType invalidValue: required value missing, or wrong for type, operation or schema.
P-3.12-23 MUST† scimType invalidVers: protocol version unsupported.
P-3.12-24 MUST† scimType sensitive: sensitive data in a request URI; use POST.
P-3.12-25 MAY The same types may occur in bulk operation responses.
P-3.12-26 MUST‡ A failing request changes nothing.
P-3.13-01 MAY The base URL may carry /v2.
P-3.13-02 MUST The version segment stands immediately before the resource endpoint.
P-3.13-03 MUST A stated version is obeyed or the request refused.
P-3.13-04 SHOULD Without a version the newest supported one is used.
P-3.14-01 MAY Weak ETags may be used.
P-3.14-02 MUST If supported, ETag is an HTTP header on resource responses.
P-3.14-03 SHOULD The same value is in meta.version.
P-3.14-04 MUST† ETag changes on each effective change and only then.
P-3.14-05 MUST† If-None-Match with the current tag: 304 with empty body.
P-3.14-06 MAY If-Match on PUT/PATCH/DELETE is honoured; mismatch 412.
P-4-01 MUST /ServiceProviderConfig returns one JSON object of its schema (not a list).
P-4-02 MUST /Schemas returns all supported schemas as a ListResponse.
P-4-03 MUST† /Schemas/{urn} returns a single schema; unknown 404.
P-4-04 MUST /ResourceTypes returns a ListResponse; /ResourceTypes/{name} one object.
P-4-05 MUST Paging, sorting and filtering parameters are ignored on these endpoints.
P-4-06 SHOULD A filter on them: 403.
P-5-01 MUST userName and password are prepared and compared by PRECIS (RFC 7613, now RFC 8265) before comparison or uniqueness tests.
P-5-02 MUST† userName uses the case-mapped profile (caseExact false); password the opaque string profile (case kept).
P-6-01 MAY Multi-tenancy is optional; tenant by authentication, URL prefix, sub-domain or header.
P-6-02 SHOULD† Explicit tenant selection is access-controlled, with defined precedence against the implicit tenant.
P-6-03 MUST† Tenants never see or affect each other's resources, counts, uniqueness or cursors.
P-6-04 MAY ids may be unique over all tenants.
P-6-05 MUST† externalId is only required to be unique (by the client) within a tenant.
P-7.2-01 MUST Transport security is required.
P-7.2-02 MUST TLS 1.2 is supported (today also 1.3; RFC 9325/8996 forbid 1.0/1.1).
P-7.3-01 MUST RFC 7521 §8 threats are countered.
P-7.4-01 MUST Tokens and cookies have enough entropy (≥128 bits).
P-7.4-02 MUST They travel only over TLS.
P-7.4-03 MUST Bearer tokens have a limited lifetime the server can determine.
P-7.4-04 SHOULD Cookies last no longer than the browser session.
P-7.5-01 MUST The privacy considerations of RFC 7643 are considered.
P-7.5-02 SHOULD A GET whose filter holds sensitive or personal data is answered 403 (scimType sensitive may be given; body status "403", erratum 6893).
P-7.5-03 SHOULD‡ Query strings are not written to access logs in clear.
P-7.6-01 SHOULD† Anonymous creation is protected (UI authentication, rate limit, active=false until confirmed).
P-7.7-01 SHOULD Storage rules of RFC 6819 §5.1.4.1 are followed.
P-7.7-02 SHOULD Online guessing is countered (policy, lock-out, tar pit, rate limit).
P-7.7-03 SHOULD Access control distinguishes client applications and user self-service.
P-7.8-01 MUST Strings are prepared before comparison in filters and uniqueness tests.
P-8.1-01 SHOULD application/scim+json is used by protocol applications.
C-2-01 MUST† An empty or valueless cursor parameter ("cursor", "cursor=") starts a cursor walk; any other value is a cursor issued earlier.
C-2-02 MUST A negative count counts as 0; count=0 returns only totalResults.
C-2-03 MUST NOT Never more than count resources; fewer is allowed.
C-2-04 MUST† Without count the server's page maximum applies.
C-2-05 MUST nextCursor is present on every page but the last, and absent only there.
C-2-06 MAY previousCursor may be offered.
C-2-07 MUST NOT previousCursor is not on the first page.
C-2-08 MUST† Cursor values use only RFC 3986 unreserved characters (A-Z a-z 0-9 - . _ ~) and are opaque.
C-2-09 MUST† A cursor is only valid with the same endpoint and identical other parameters; anything else is refused.
C-2-10 MUST‡ A walk over unchanged data returns each resource exactly once, and nothing outside the filter.
C-2-11 SHOULD† totalResults is accurate.
C-2-12 MAY totalResults may be left out with cursors if it cannot be estimated (relaxes 7644 §3.4.2).
C-2.1-01 SHOULD Bad pagination parameters give the proper status and an Error body.
C-2.1-02 MUST† Invalid cursor: 400 invalidCursor.
C-2.1-03 MUST† Expired cursor: 400 expiredCursor (not invalidCursor) when it is known to have expired.
C-2.1-04 MUST† Bad count (not 0…maxPageSize, or changed during the walk): 400 invalidCount.
C-2.2-01 SHOULD† If sorting is implemented, cursor pages follow sortBy/sortOrder over the whole walk.
C-2.3-01 MAY nextCursor may be returned though no cursor parameter was sent.
C-2.4-01 MUST A server with both methods has one fixed default for requests naming neither.
C-2.4-02 SHOULD† A server that had index paging first keeps index as the default.
C-2.4-03 SHOULD‡ startIndex together with cursor is refused.
C-3-01 MUST† /.search accepts cursor and count in the body, with the same meaning.
C-4-01 SHOULD A cursor-capable server publishes pagination.
C-4-02 MUST pagination.cursor and pagination.index (booleans) are present when pagination is.
C-4-03 MAY defaultPaginationMethod (cursor|index), defaultPageSize, maxPageSize, cursorTimeout (positive integers).
C-5-01 MUST Every page is limited to what the current actor may read, even with a cursor obtained by another actor.
C-5-02 MUST Authorisation is checked on each page.
C-5-03 MUST NOT Holding a cursor grants nothing.
C-5-04 SHOULD Cursors are invalidated when the actor's permissions change, or counts etc. reflect the new rights.
C-5-05 SHOULD† Cursors are obfuscated and forgeries detected.
C-5-06 MUST Errors for foreign, out-of-scope and non-existent pages are indistinguishable.
C-5-07 MAY Anonymous large queries may be refused 400 tooMany.
C-5-08 SHOULD† Cursor requests are rate-limited (429), open cursors bounded, invalidation cheap.
E-2.1-01 MUST Events identify the subject with sub_id (format "scim", uri relative to the base), in the JWT body, not inside an event.
E-2.1-02 MUST NOT The JWT sub claim is not used for the subject.
E-2.1-03 MAY sub_id may add externalId, id, and attributes of uniqueness server/global.
E-2.2-01 MUST txn is present for asynchronous requests, co-ordinated provisioning and replication, equal over retransmissions; jti differs.
E-2.2-02 MUST An event has exactly one of data and attributes where it has a payload.
E-2.2-03 SHOULD Names in attributes follow the PATCH path ABNF.
E-2.2-04 MUST† version equals the ETag after the change.
E-2.3-01 MAY feed:add / feed:remove tell that a resource joined or left the feed.
E-2.4-01 MUST …:prov:create|patch|put:full carry data; …:notice carry attributes.
E-2.4-02 MUST† create:full data is the final representation including id; secrets never appear.
E-2.4-03 MUST† notice lists the attributes created or changed.
E-2.4-04 MUST NOT delete has no payload, no full/notice suffix, and no extra feed:remove.
E-2.4-05 MAY activate / deactivate events exist, meaning agreed bilaterally.
E-2.5.1.1-01 MAY Prefer: respond-async on POST/PUT/PATCH/DELETE may be honoured with 202.
E-2.5.1.1-02 MUST The 202 has no body and carries Set-Txn; Accept is ignored.
E-2.5.1.1-03 MUST† The 202 carries Preference-Applied: respond-async.
E-2.5.1.1-04 MUST Location is either where the completion event can be fetched or the normal SCIM location.
E-2.5.1.1-05 SHOULD Prefer wait=n is supported.
E-2.5.1.1-06 MUST Set-Txn equals txn in the completion event.
E-2.5.1.2-01 MUST One completion event per bulk operation, txn = {Set-Txn}:{zero-based index of the request order}.
E-2.5.1.2-02 MUST NOT bulkId is not used for that correlation.
E-2.5.1.2-03 MAY Completion events may come out of order.
E-2.5.1.3-01 MUST† misc:asyncresp carries method, status (string), version/bulkId/location as in a bulk result.
E-2.5.1.3-02 MUST A failed operation has response with the Error body.
E-4-01 MAY securityEvents with asyncRequest ("none" | "long" | "request", case-insensitive) and eventUris (multi-valued); absence means unsupported.
E-5-01 MUST SETs with sensitive data travel over TLS.
E-5-02 MUST Recovery and forwarding of events is limited to parties that need it.
E-5-03 MUST The asynchronous result URI requires client authentication.
E-5-04 SHOULD† SETs are signed when delivery is indirect (receivers must verify).
E-5-05 SHOULD High-churn groups use PATCH notices rather than PUT full events.
D-2-01 MUST† Resource type Device with schema urn:ietf:params:scim:schemas:core:2.0:Device, common attributes as in 7643.
D-2-02 MUST active (boolean) is required; displayName, mudUrl (caseExact), groups (readOnly) optional.
D-2-03 MUST In Groups members.type is "Device" or "EndpointApp" for such members when type is set.
D-2-04 MUST† Resource type EndpointApp with applicationType, applicationName, clientToken (readOnly), certificateInfo.
D-2-05 SHOULD NOT No clientToken is returned when certificateInfo is accepted.
D-2-06 MUST Device extensions (BLE, DPP, Ethernet-MAB, FDO, Zigbee, endpointApps) are IANA-registered, all required=false.
D-2-07 SHOULD‡ Bootstrapping keys in these extensions are secrets: access-controlled, never logged, returned per their "returned" value.
H-9110-01 MUST 401 has WWW-Authenticate with at least one challenge.
H-9110-02 MUST 405 has Allow.
H-9110-03 MUST GET and HEAD are supported on resources; HEAD has no body.
H-9110-04 SHOULD 406 (or the default type) for unacceptable Accept; 415 for unsupported Content-Type.
H-9110-05 MUST A 304 has no body and carries the ETag.
H-9110-06 MUST† If-None-Match uses weak comparison.
H-9110-07 MUST If-Match uses strong comparison by RFC 9110 §13.1.1, which can never match W/ tags; SCIM usage needs weak comparison (see A-01).
H-9110-08 MUST† If-Match: * on a missing resource is not satisfied.
H-9110-09 SHOULD 204/304 carry no Content-Type body remnants; Content-Length/Transfer-Encoding are consistent.
H-9110-10 MUST† Vary lists the request headers that select the representation (Accept, Accept-Encoding, Authorization as fitting).
H-9110-11 SHOULD‡ Authenticated SCIM data is not cacheable by shared caches (Cache-Control: no-store or private).
H-6750-01 MUST Authorization: Bearer is accepted; scheme name case-insensitive.
H-6750-02 SHOULD NOT access_token in the query string is not accepted.
H-6750-03 MUST† Missing credentials: 401 with Bearer challenge without error code; bad/expired: error="invalid_token"; missing right: 403 error="insufficient_scope"; two token transports at once: 400 invalid_request.
H-7617-01 MUST† If Basic is offered the challenge has realm and should have charset="UTF-8"; credentials are decoded as UTF-8.
H-8705-01 MUST† If certificate-bound tokens are offered, a token with cnf x5t#S256 is refused without the matching client certificate (401 invalid_token).
H-6585-01 MAY 428 when a precondition is required by policy; 429 with Retry-After when rate-limited; both with an Error body.
H-5789-01 MUST† PATCH is atomic.
H-5789-02 SHOULD† Accept-Patch is advertised on OPTIONS; unsupported patch formats (application/json-patch+json) get 415.
H-8259-01 MUST† UTF-8 without BOM is emitted; a BOM on input is refused or ignored.
H-8259-02 SHOULD‡ Nesting depth, size and number range are bounded; NaN, comments, trailing commas are refused.
H-8259-03 SHOULD‡ Lone surrogates and NUL are handled without 500.
H-8265-01 MUST† userName: UsernameCaseMapped (width map, lower-case, NFC, bidi rule, IdentifierClass); password: OpaqueString (non-ASCII spaces to U+0020, NFC).
H-8265-02 MUST† Prohibited strings (empty after preparation, disallowed code points) are refused with 400 invalidValue.
H-9457-01 MUST NOT† SCIM errors use the SCIM Error message, not application/problem+json.
`;

export const requirements: readonly Requirement[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [, id, level, mark, title] = /^(\S+) ((?:MUST|SHOULD)(?: NOT)?|MAY)([†‡]?) (.+)$/.exec(line) ?? [];
    if (id === undefined || title === undefined) throw new Error(`no requirement: ${line}`);
    const origin = mark === '†' ? 'derived' : mark === '‡' ? 'added' : 'stated';
    return { id, level: level as Level, origin, title };
  });
