// What a replica counts of itself among the others, for its metrics.
export interface ReplicaFigures {
  readonly live: number;
  readonly leading: number;
  readonly forwarded: number;
  readonly forwardedStreams: number;
  readonly carriedStreams: number;
}
