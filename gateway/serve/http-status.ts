// Which HTTP status goes with which fault. The code in the body is what a client acts on; the status is for proxies and logs.
import type { FaultCode } from '../../protocol/catalogue/index.ts';

const statuses: Partial<Record<FaultCode, number>> = {
  TOKEN_INVALID: 401,
  TOKEN_EXPIRED: 401,
  TOKEN_USED_UP: 403,
  JOIN_REPLAYED: 403,
  CERTIFICATE_REFUSED: 403,
  NODE_NOT_REGISTERED: 403,
  POOL_NOT_FOUND: 404,
  PATH_UNKNOWN: 404,
  NODE_NOT_FOUND: 404,
  ARTIFACT_MISSING: 409,
  NODE_NAME_TAKEN: 409,
  NODE_IN_OTHER_POOL: 409,
  NODE_CONNECTED: 409,
  NODE_LEAVING: 409,
  POOL_FULL: 409,
  NODE_NAME_INVALID: 400,
  REQUEST_MALFORMED: 400,
  CSR_REFUSED: 400,
  REQUEST_TOO_LARGE: 413,
  TOO_MANY_REQUESTS: 429,
  SCRAPE_UNAUTHORIZED: 401,
  SCRAPE_NOT_LOCAL: 403,
  SCRAPE_LIMIT: 503,
  KUBELET_SCRAPE_FAILED: 502,
  TUNNEL_NODE_NOT_CONNECTED: 503,
  LINE_BUSY: 429,
  LINE_TICKET_REFUSED: 403,
  KUBERNETES_UNREACHABLE: 503,
  GATEWAY_UNAVAILABLE: 503,
  MANIFEST_NOT_TRUSTED: 503,
  MANIFEST_INVALID: 503,
};

export function httpStatus(code: FaultCode): number {
  return statuses[code] ?? 500;
}
