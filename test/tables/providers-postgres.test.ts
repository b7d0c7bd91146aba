/** What Okta, Entra ID and Microsoft's own collection send, answered from an application's tables in a real PostgreSQL. */
process.env.SCIMD_TEST_TABLES = 'server';
await import('../clients/okta.test.ts');
await import('../clients/entra.test.ts');
await import('../clients/microsoft-postman.test.ts');

export {};
