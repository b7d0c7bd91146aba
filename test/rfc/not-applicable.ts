/**
 * Requirements without a test, each with the reason. A reason that begins with `planned:` is of something that is to
 * come; the requirement is reported as such. A requirement with a passing test must not stand here.
 */
const asynchronous =
  'ServiceProviderConfig says asyncRequest none (RFC 9967 §4): a request is answered when it is done, so that an answer of 2xx has done what it says. Prefer: respond-async gets the usual answer (E-2.5.1.1-01).';

export const notApplicable: Readonly<Record<string, string>> = {
  'P-2-08':
    'Tokens stand for client applications, and their scope decides. A subject adds /Me and narrows nothing: self-service is offered by the application that people sign in to.',
  'P-3.4.2.1-02': 'Root queries are offered.',
  'P-3.4.2.1-03': 'Results are paged, however many there are; no query is refused for their number (A-44).',
  'P-3.4.2.2-21': 'There are no operators beyond those of RFC 7644.',
  'P-3.5.2-01': 'PATCH is supported.',
  'P-3.6-01': 'Deletion is no different inside: the row goes, and the change log keeps that it was there.',
  'P-3.7-01': 'Bulk is supported.',
  'P-3.11-02': '/Me is processed where it is, not redirected.',
  'P-3.11-05': 'Nobody creates themselves; POST /Me is 501 (P-3.11-01).',
  'P-3.12-04': 'Nothing is redirected.',
  'P-3.12-05': 'Nothing is redirected.',
  'P-3.12-16': 'Results are paged, however many there are; no query is refused for their number (A-44).',
  'P-6-02': 'A tenant cannot be selected: it is that of the token.',
  'P-7.4-04': 'There are no cookies.',
  'P-7.5-01':
    'A review and no behaviour: what came of it is tested as P-7.5-02, P-7.5-03, P-7.7-01 and the requirements of RFC 7643 §9.',
  'C-2.3-01': 'The default is index pagination (C-2.4-02).',
  'C-5-07': 'Nobody reads without a token.',
  'E-2.5.1.1-02': asynchronous,
  'E-2.5.1.1-03': asynchronous,
  'E-2.5.1.1-04': asynchronous,
  'E-2.5.1.1-05': asynchronous,
  'E-2.5.1.1-06': asynchronous,
  'E-2.5.1.2-01': asynchronous,
  'E-2.5.1.2-02': asynchronous,
  'E-2.5.1.2-03': asynchronous,
  'E-2.5.1.3-01': asynchronous,
  'E-2.5.1.3-02': asynchronous,
  'E-5-03': asynchronous,
  'S-4.1.1-17': 'No password is passed on: it is hashed where it is stored, and no other system gets it.',
  'S-9-05': 'A resource has one externalId; the provisioning domain that it belongs to is the tenant.',
};
