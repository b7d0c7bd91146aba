/**
 * Requirements without a test, each with the reason. A reason that begins with `planned:` is of something that is to
 * come; the requirement is reported as such. A requirement with a passing test must not stand here.
 */
export const notApplicable: Readonly<Record<string, string>> = {
  'P-2-04': 'No endpoint issues tokens: the operator makes them at the command line.',
};
