export type ClientName = 'go' | 'java' | 'ruby' | 'node';
/** `compressing` is a server of ours that has what the others lack; see node/compressing-server.ts. */
export type ServerName = ClientName | 'compressing';

export const clientNames: readonly ClientName[] = ['go', 'java', 'ruby', 'node'];
export const serverNames: readonly ServerName[] = [...clientNames, 'compressing'];
