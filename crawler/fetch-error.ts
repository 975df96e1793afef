import type { DownloadReason } from "../store/reasons.ts";

/**
 * Why a request gave no answer that can be used, and what to do next: `give up` (it would fail again), or `retry later`,
 * not before `retryAfterMs`. The reason is the drop reason in SQL.
 */
export class FetchError extends Error {
  readonly reason: DownloadReason;
  readonly next: "give up" | "retry later";
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    reason: DownloadReason,
    message: string,
    options: { next?: "give up" | "retry later"; status?: number; retryAfterMs?: number | undefined } = {},
  ) {
    super(message);
    this.reason = reason;
    this.next = options.next ?? "give up";
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Retry-After is obeyed up to an hour (RFC 9110, 10.2.3: seconds or a date); nonsense counts as absent. */
const MAX_RETRY_AFTER_MS = 3_600_000;

function retryAfter(header: string | string[] | undefined): number | undefined {
  const text = (Array.isArray(header) ? header[0] : header)?.trim();
  if (!text) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** The error for a status that is neither success nor redirect. */
export function statusError(status: number, headers: Record<string, string | string[] | undefined>): FetchError {
  const message = `status ${status}`;
  if (status === 403 || status === 404 || status === 410) return new FetchError(`http_${status}`, message, { status });
  if (status === 429 || status >= 500) {
    return new FetchError(status === 429 ? "http_429" : "http_5xx", message, {
      status,
      next: "retry later",
      retryAfterMs: retryAfter(headers["retry-after"]),
    });
  }
  return new FetchError("http_4xx", message, { status });
}

/** Brings what undici, the sockets, TLS, zlib and the resolver throw under a reason. */
export function toFetchError(error: unknown): FetchError {
  if (error instanceof FetchError) return error;
  const { code = "", message = String(error), cause } = error as { code?: unknown; message?: string; cause?: unknown };
  if (cause instanceof FetchError) return cause;
  const name = String(code);
  const fails = (reason: DownloadReason, next: "give up" | "retry later") =>
    new FetchError(reason, `${name} ${message}`.trim(), { next });
  if (name === "ENOTFOUND" || name === "ENODATA") return fails("dns", "give up");
  if (name === "EAI_AGAIN" || name === "ESERVFAIL" || name === "ETIMEOUT") return fails("dns", "retry later");
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/.test(name))
    return fails("connect", "retry later");
  if (/^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED)$/.test(name))
    return fails("reset", "retry later");
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/.test(name)) return fails("tls", "give up");
  if (/^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT)$/.test(name)) return fails("timeout", "retry later");
  if (/^(Z_|ERR__ERROR|ERR_BROTLI|ERR_ZSTD|ZSTD_)/.test(name)) return fails("protocol", "give up");
  return fails("protocol", "give up");
}
