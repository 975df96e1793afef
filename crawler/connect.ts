import { isIP, type LookupFunction, type Socket, type TcpNetConnectOpts, connect as tcpConnect } from "node:net";
import {
  createSecureContext,
  type DetailedPeerCertificate,
  type SecureContext,
  type TLSSocket,
  connect as tlsConnect,
} from "node:tls";
import type { buildConnector } from "undici";
import type { AddressCheck } from "./addresses.ts";
import { FetchError } from "./fetch-error.ts";
import { SharedReads } from "./shared-reads.ts";

/** Finds the addresses of a host that may be dialled; throws a FetchError when there are none. */
export type FindAddresses = (host: string, port: string) => Promise<readonly string[]>;

/**
 * OpenSSL 3.5 would also make a post-quantum key for each connection (X25519MLKEM768), a seventh of its cost: what is public today needs
 * no protection from the computers of tomorrow.
 */
const CURVES = "X25519:P-256:P-384:P-521";

/**
 * How undici opens connections: the addresses that were checked are the ones that are dialled (no second resolution, so
 * no rebinding), several are tried as RFC 8305 has it, and the one that answered is checked once more. All connections
 * share one TLS context: reading the 150 root certificates for each costs twenty times the handshake.
 */
export function connector(
  findAddresses: FindAddresses,
  mayDial: AddressCheck,
  timeoutMs: number,
): buildConnector.connector {
  const secureContext = createSecureContext({ ecdhCurve: CURVES });
  return (target, callback) => {
    const secure = target.protocol === "https:";
    const port = target.port || (secure ? "443" : "80");
    const host = target.hostname.replace(/^\[|\]$/g, "").toLowerCase();
    const dial = (addresses: readonly string[]) => {
      const reads = new SharedReads();
      const { onread } = reads;
      const options: TcpNetConnectOpts = { port: Number(port), ...destination(host, addresses), noDelay: true, onread };
      let phase: "connect" | "tls" = "connect";
      const socket = secure ? dialSecurely(host, options, secureContext) : tcpConnect(options);
      reads.attach(socket);
      const timer = setTimeout(() => {
        socket.destroy(
          new FetchError(
            phase,
            `${host}:${port}: no ${phase === "tls" ? "TLS handshake" : "connection"} in ${timeoutMs} ms`,
            {
              kind: "host in trouble",
            },
          ),
        );
      }, timeoutMs);
      const failed = (error: Error) => {
        clearTimeout(timer);
        // A peer that hangs up on the handshake speaks no TLS; once connected, a reset is the business of the request.
        const { code } = error as { code?: string };
        const cut = phase === "tls" && (code === "ECONNRESET" || code === "EPIPE");
        callback(
          cut ? new FetchError("tls", `${host}:${port} ended the TLS handshake`, { kind: "retry later" }) : error,
          null,
        );
      };
      socket.once("error", failed);
      if (secure) {
        socket.once("connect", () => {
          phase = "tls";
        });
      }
      socket.once(secure ? "secureConnect" : "connect", () => {
        clearTimeout(timer);
        socket.off("error", failed);
        if (socket.remoteAddress !== undefined && !mayDial(socket.remoteAddress)) {
          socket.destroy();
          callback(refusal(host, [socket.remoteAddress]), null);
        } else {
          callback(null, socket as Parameters<typeof callback>[1] & Socket);
        }
      });
    };
    findAddresses(host, port)
      .then(dial)
      .catch((error: Error) => callback(error, null));
  };
}

/**
 * Node verifies the chain; the name is compared by OpenSSL (RFC 9525) instead of by Node, which first makes an object of
 * the whole chain: a tenth of the cost of a connection.
 */
function dialSecurely(host: string, options: TcpNetConnectOpts, secureContext: SecureContext): Socket {
  const name = isIP(host) ? {} : { servername: host };
  const checkServerIdentity = () => {
    const certificate = socket.getPeerX509Certificate();
    const fits = isIP(host) ? certificate?.checkIP(host) : certificate?.checkHost(host, NAMES_ONLY);
    if (fits) return undefined;
    return Object.assign(new Error(`the certificate is not for ${host}`), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  };
  const socket: TLSSocket = tlsConnect({
    ...options,
    ...name,
    secureContext,
    ALPNProtocols: ["http/1.1"],
    checkServerIdentity,
  });
  socket.getPeerCertificate = () => ({}) as DetailedPeerCertificate;
  return socket;
}

/** As browsers do: subjectAltName only, a star for one whole label. */
const NAMES_ONLY = { subject: "never", partialWildcards: false } as const;

/** The error for a host whose addresses are not public. */
export function refusal(host: string, addresses: readonly string[]): FetchError {
  const message =
    addresses[0] === host ? `${host} is not public` : `${host} is ${addresses.join(", ")}, which is not public`;
  return new FetchError("private_address", message, { kind: "refused by policy" });
}

/** One address is dialled directly; of several Node tries one after the other through a lookup that knows only these. */
function destination(host: string, addresses: readonly string[]): { host: string; lookup?: LookupFunction } {
  const [first = host] = addresses;
  if (addresses.length === 1) return { host: first };
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  return { host, lookup: (_, { all: wanted }, done) => (wanted ? done(null, all) : done(null, first, isIP(first))) };
}
