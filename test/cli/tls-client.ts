/** Speaks TLS to a server whose certificate vouches for itself. */
import { Agent, request as httpsRequest } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

export interface SecureAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Of the certificate that the server showed on this connection. */
  readonly serialNumber: string;
  /** Tells connections apart. */
  readonly localPort: number | undefined;
}

interface RequestOptions {
  readonly ca: string;
  readonly agent?: Agent;
  readonly token?: string;
}

/** Without an agent on a connection and a session of its own. */
export function secureRequest(
  url: string,
  { ca, agent = new Agent({ maxCachedSessions: 0 }), token }: RequestOptions,
): Promise<SecureAnswer> {
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const sent = httpsRequest(url, { ca, headers, servername: 'localhost', agent });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const socket = response.socket as TLSSocket;
      const serialNumber = socket.getPeerCertificate().serialNumber;
      const { localPort } = socket;
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          serialNumber,
          localPort,
        }),
      );
    });
    sent.end();
  });
}

/** The version of TLS that was agreed on; rejects when there is none. */
export function handshake(url: string, options: ConnectionOptions): Promise<string | null> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: 'localhost', ...options });
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.on('close', () => reject(new Error('closed')));
  });
}
