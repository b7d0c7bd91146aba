/**
 * Requirements without a test, each with the reason. A reason that begins with `planned:` is of something that is to
 * come; the requirement is reported as such. A requirement with a passing test must not stand here.
 */
export const notApplicable: Readonly<Record<string, string>> = {
  'P-2-04': 'No endpoint issues tokens: the operator makes them at the command line.',
  'S-4.1.1-17': 'No password is passed on: it is hashed where it is stored, and no other system gets it.',
  'S-9-05': 'A resource has one externalId; the provisioning domain that it belongs to is the tenant.',
  'H-6585-01':
    'A MAY: no policy demands preconditions (428), and rates are limited by the proxy in front (429).',
  'H-7617-01': 'Basic authentication is not offered; ServiceProviderConfig does not advertise it.',
  'H-8705-01': 'Certificate-bound tokens are not offered; ServiceProviderConfig does not advertise them.',
};
