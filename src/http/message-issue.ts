/** What is wrong with a message, in words: where it is, and what it must be. */
import * as v from 'valibot';

export function issueText(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (path === null) return 'The body must be an object';
  if (issue.expected === 'never') return `${path} is not known here`;
  return issue.received === 'undefined' ? `${path} is missing` : `${path} ${issue.message}`;
}
