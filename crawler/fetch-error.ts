import type { DownloadReason } from "../store/reasons.ts";

/**
 * What a failed request means for what comes next:
 * - `gone`: it would fail again; give the address up.
 * - `retry later`: this request may work another time; the host is fine.
 * - `host in trouble`: the host is slow, overloaded or unreachable; leave it in peace, then try again.
 * - `refused by policy`: we do not want the answer (robots.txt, opt-out, private address, false certificate).
 */
export type FailureKind = "gone" | "retry later" | "host in trouble" | "refused by policy";

/** Why a request gave no answer that can be used. The reason is the drop reason in SQL. */
export class FetchError extends Error {
  readonly reason: DownloadReason;
  readonly kind: FailureKind;
  /** HTTP status, when there was one. */
  readonly status: number | undefined;
  /** What Retry-After asks for. */
  readonly retryAfterMs: number | undefined;
  /** Opt-out signals, when these are the reason. */
  readonly signals: readonly string[];
  readonly #final: boolean;

  constructor(
    reason: DownloadReason,
    message: string,
    options: {
      kind?: FailureKind;
      status?: number | undefined;
      retryAfterMs?: number | undefined;
      signals?: readonly string[];
      /** Whether this run has tried often enough. */
      final?: boolean;
    } = {},
  ) {
    super(message);
    this.reason = reason;
    this.kind = options.kind ?? "gone";
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.signals = options.signals ?? [];
    this.#final = options.final ?? false;
  }

  /** Whether the same request may succeed later in this run. */
  get again(): boolean {
    if (this.#final) return false;
    return this.kind === "retry later" || this.kind === "host in trouble";
  }
}

/** The run ends before the request did, or before its turn came: nothing is known about the address. */
export class Stopped extends Error {}

/** Retry-After in milliseconds from now (RFC 9110, 10.2.3: seconds or a date); nonsense counts as absent. */
function retryAfter(header: string | string[] | undefined): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** The error for a status that is neither success nor redirect. */
export function statusError(status: number, headers: Record<string, string | string[] | undefined>): FetchError {
  const message = `status ${status}`;
  if (status === 403 || status === 404 || status === 410) return new FetchError(`http_${status}`, message, { status });
  if (status === 429 || status >= 500) {
    return new FetchError(status === 429 ? "http_429" : "http_5xx", message, {
      status,
      kind: status === 429 || status === 503 ? "host in trouble" : "retry later",
      retryAfterMs: retryAfter(headers["retry-after"]),
    });
  }
  // 408 and 425 are about this one request (RFC 9110 15.5.9, RFC 8470).
  return new FetchError("http_4xx", message, {
    status,
    kind: status === 408 || status === 425 ? "retry later" : "gone",
  });
}

type CodeRow = readonly [RegExp, DownloadReason, FailureKind];

/** Error codes of sockets, TLS, undici and the resolver: [codes, reason, kind]. */
const CODES: readonly CodeRow[] = [
  [/^(ENOTFOUND|ENODATA)$/, "dns", "gone"],
  [/^(EAI_\w+|ESERVFAIL|EREFUSED|ETIMEOUT|EBADRESP)$/, "dns", "host in trouble"],
  [/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT)$/, "connect", "host in trouble"],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED)$/, "reset", "retry later"],
  // A certificate that is not valid for the host: never fall back to http, never look away.
  [/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT/, "tls", "refused by policy"],
  [/ERR_TLS|ERR_SSL|EPROTO/, "tls", "gone"],
  [/^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/, "timeout", "host in trouble"],
];

/** The parser's own codes (HPE_...), zlib's, and what nobody foresaw. */
const OTHER: CodeRow = [/./, "protocol", "gone"];

/** Brings what undici, the sockets, TLS, zlib and the resolver throw under a reason. */
export function toFetchError(error: unknown): FetchError {
  if (error instanceof FetchError) return error;
  const { code = "", message = String(error), cause } = error as { code?: unknown; message?: string; cause?: unknown };
  if (cause instanceof FetchError) return cause;
  const name = String(code);
  const [, reason, kind] = CODES.find(([codes]) => codes.test(name)) ?? OTHER;
  return new FetchError(reason, `${name} ${message}`.trim(), { kind });
}
