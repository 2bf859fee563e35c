// The kinds of Kubernetes object that the gateway reads or writes, with just the fields that it looks at.
// Objects stay plain JSON: what is not named here is kept as it came and goes back as it was.

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** Grows with every change of the spec. */
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly { kind: string; name: string; controller?: boolean }[];
}

export interface KubernetesObject {
  readonly metadata: Metadata;
}

/** Where a kind lives in the API; `T` is the shape of its objects. */
export interface Kind<T extends KubernetesObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never there: carries the type. */
  readonly shape?: T;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

export interface NodeObject extends KubernetesObject {
  readonly spec?: {
    readonly unschedulable?: boolean;
    readonly taints?: readonly Taint[];
    readonly podCIDR?: string;
    readonly podCIDRs?: readonly string[];
  };
  readonly status?: {
    readonly daemonEndpoints?: { readonly kubeletEndpoint?: { readonly Port?: number } };
    readonly conditions?: readonly {
      type: string;
      status: string;
      reason?: string;
      message?: string;
      lastHeartbeatTime?: string;
    }[];
    readonly addresses?: readonly { type: string; address: string }[];
    readonly nodeInfo?: {
      kubeletVersion?: string;
      containerRuntimeVersion?: string;
      osImage?: string;
      machineID?: string;
    };
  };
}

export interface Pod extends KubernetesObject {
  readonly spec?: {
    readonly nodeName?: string;
    /** It has the addresses of its node. */
    readonly hostNetwork?: boolean;
    readonly containers?: readonly { readonly ports?: readonly { readonly containerPort?: number }[] }[];
    readonly volumes?: readonly { name: string; emptyDir?: unknown }[];
  };
  readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip?: string }[] };
}

export interface Service extends KubernetesObject {
  readonly spec?: {
    readonly clusterIP?: string;
    readonly clusterIPs?: readonly string[];
    readonly externalIPs?: readonly string[];
    readonly loadBalancerIP?: string;
    readonly externalName?: string;
    readonly ports?: readonly {
      readonly name?: string;
      readonly port?: number;
      readonly protocol?: string;
    }[];
  };
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?: readonly {
    readonly addresses?: readonly string[];
    readonly nodeName?: string;
    readonly conditions?: { readonly ready?: boolean };
    readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
    /** In v1beta1, where the node's name stands among it. */
    readonly topology?: Readonly<Record<string, string>>;
  }[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[];
}

export interface ServiceCidr extends KubernetesObject {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

export interface Secret extends KubernetesObject {
  readonly type?: string;
  /** Base64. */
  readonly data?: Readonly<Record<string, string>>;
}

export interface ConfigMap extends KubernetesObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface CertificateSigningRequest extends KubernetesObject {
  readonly spec: {
    /** PEM in base64. */
    readonly request: string;
    readonly signerName: string;
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly usages?: readonly string[];
  };
  readonly status?: {
    readonly conditions?: readonly { type: string; reason?: string; message?: string }[];
    readonly certificate?: string;
  };
}

export interface EventObject extends KubernetesObject {
  readonly involvedObject: { apiVersion: string; kind: string; name: string; uid?: string };
  readonly reason: string;
  readonly message: string;
  readonly type: 'Normal' | 'Warning';
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly source: { component: string; host?: string };
}

export interface Lease extends KubernetesObject {
  readonly spec: {
    readonly holderIdentity: string;
    readonly leaseDurationSeconds: number;
    /** RFC 3339 with microseconds. */
    readonly acquireTime: string;
    readonly renewTime: string;
    readonly leaseTransitions?: number;
  };
}

export interface CustomResourceDefinition extends KubernetesObject {
  readonly spec: unknown;
  readonly status?: { readonly conditions?: readonly { type: string; status: string; message?: string }[] };
}

const core = (kind: string, plural: string, namespaced: boolean) => ({
  apiVersion: 'v1',
  kind,
  plural,
  namespaced,
});

export const nodes: Kind<NodeObject> = core('Node', 'nodes', false);
export const pods: Kind<Pod> = core('Pod', 'pods', true);
export const secrets: Kind<Secret> = core('Secret', 'secrets', true);
export const configMaps: Kind<ConfigMap> = core('ConfigMap', 'configmaps', true);
export const services: Kind<Service> = core('Service', 'services', true);
export const events: Kind<EventObject> = core('Event', 'events', true);
export const namespaces: Kind<KubernetesObject> = core('Namespace', 'namespaces', false);
export const serviceAccounts: Kind<KubernetesObject> = core('ServiceAccount', 'serviceaccounts', true);

const apps = (kind: string, plural: string) => ({ apiVersion: 'apps/v1', kind, plural, namespaced: true });

export const daemonSets: Kind<KubernetesObject> = apps('DaemonSet', 'daemonsets');
export const deployments: Kind<KubernetesObject> = apps('Deployment', 'deployments');

export const certificateSigningRequests: Kind<CertificateSigningRequest> = {
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  namespaced: false,
};

/** v1beta1 before Kubernetes 1.21. */
export const endpointSlices: Kind<EndpointSlice> = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};

export const serviceCidrs: Kind<ServiceCidr> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
};

export const leases: Kind<Lease> = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export const customResourceDefinitions: Kind<CustomResourceDefinition> = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

const rbac = (kind: string, plural: string, namespaced: boolean) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  plural,
  namespaced,
});

export const clusterRoles: Kind<KubernetesObject> = rbac('ClusterRole', 'clusterroles', false);
export const clusterRoleBindings: Kind<KubernetesObject> = rbac(
  'ClusterRoleBinding',
  'clusterrolebindings',
  false,
);
export const roles: Kind<KubernetesObject> = rbac('Role', 'roles', true);
export const roleBindings: Kind<KubernetesObject> = rbac('RoleBinding', 'rolebindings', true);
