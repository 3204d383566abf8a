import { readFileSync } from 'node:fs';
import type { ResourceSet } from '../support.ts';

/**
 * What pilot-discovery of Istio (the version that test/real/istio/pilot/go.mod pins) sent, as decoded: a ServiceEntry, a
 * DestinationRule and a VirtualService with most of their keys, for a node with `INTERCEPTION_MODE: NONE` and for one with
 * `GENERATOR: grpc`.
 */
const sent = (file: string): ResourceSet =>
  JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as ResourceSet;

const name = 'rich.example:50052';

/** For a client with `GENERATOR=grpc`: API listeners by name, clusters of subsets. */
export const istioGrpcSet: ResourceSet = {
  ...sent('istio-grpc.json'),
  addresses: { [name]: '127.0.0.1:8080' },
};

/** For a sidecar that connections are not redirected to: a listener for each port of a service. */
export const istioSidecarSet: ResourceSet = sent('istio-sidecar.json');
