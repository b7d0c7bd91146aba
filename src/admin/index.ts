/** What the room is to others: the page for administrators, its API, and exchanges in words. */
export type { AdminOptions, FilterExplanation } from './api/endpoint.ts';
export { adminMounts } from './mount.ts';
export { linkMinutes } from './sessions.ts';
