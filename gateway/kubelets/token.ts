// The token that the gateway shows to kubelets: short-lived, of a service account that may read
// kubelets' metrics and nothing else. A host that keeps it for itself has gained no right that matters.
// Never the gateway's own credential.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace, metricsUser } from '../kubernetes/names.ts';

const lifetimeSeconds = 3600;
/** A new one is asked for at four fifths of its life. */
const freshShare = 0.8;

interface TokenRequest {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

export class KubeletToken {
  readonly #kubernetes: Pick<Kubernetes, 'request'>;
  readonly #nowMs: () => number;
  #current: { readonly token: string; readonly freshUntilMs: number } | undefined;
  #asking: Promise<string> | undefined;

  constructor(kubernetes: Pick<Kubernetes, 'request'>, nowMs: () => number) {
    this.#kubernetes = kubernetes;
    this.#nowMs = nowMs;
  }

  async get(): Promise<string> {
    const current = this.#current;
    if (current !== undefined && this.#nowMs() < current.freshUntilMs) return current.token;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** A kubelet did not know it: the next one is new. */
  forget(token: string): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  async #ask(): Promise<string> {
    const path = `/api/v1/namespaces/${gatewayNamespace}/serviceaccounts/${metricsUser}/token`;
    const askedAtMs = this.#nowMs();
    const answer = (await this.#kubernetes
      .request('POST', path, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: lifetimeSeconds },
      })
      .catch((cause: unknown) => {
        // A cluster that was set up by an older gateway.
        const lacksAccount = cause instanceof KubernetesFailure && [403, 404].includes(cause.status);
        throw lacksAccount
          ? new Fault('NOT_SET_UP', { missing: `service account ${metricsUser}` }, { cause })
          : cause;
      })) as TokenRequest;
    const { token, expirationTimestamp } = answer.status ?? {};
    if (token === undefined) throw new Fault('GATEWAY_UNAVAILABLE', { detail: 'Kubernetes gave no token' });
    const livesMs = (expirationTimestamp ? Date.parse(expirationTimestamp) : Number.NaN) - askedAtMs;
    // The API server's clock may be another one: never longer than what was asked for.
    const usefulMs = Math.min(lifetimeSeconds * 1000, Math.max(60_000, livesMs || 0));
    this.#current = { token, freshUntilMs: askedAtMs + usefulMs * freshShare };
    return token;
  }
}
