import { text } from '../schema/scalar-type.ts';
import { key, optionalSection } from '../schema/shape.ts';
import { discoveryKind } from './kinds.ts';
import { xdsSource } from './xds.ts';

/** `discovery.xds`: the endpoints that a control plane assigns to a service. */
export const xdsDiscovery = discoveryKind({
  name: 'xds',
  schema: optionalSection(
    {
      doc: 'Endpoints from the control plane of `xds` (EDS). Clusters that the control plane sends have it by themselves; write it for a cluster of your own. Endpoints that the control plane reports as unhealthy or draining get no requests.',
      example: '{ service: orders }',
    },
    {
      service: key(text({ label: 'name', charsMax: 4096 }), {
        required: true,
        doc: 'Name of the service at the control plane: the `cluster_name` of its ClusterLoadAssignment.',
      }),
    },
  ),

  create({ service }, { assignments, clock }) {
    return xdsSource(service, assignments ?? null, () => clock.now());
  },
});
