import { expect } from 'chai';
import { translateCluster } from '../../../../src/xds/translate/cluster.ts';
import { endpointsOf } from '../../../../src/xds/translate/endpoints.ts';
import { fieldSections } from '../../../../src/xds/translate/fields/all.ts';
import { translateRoute } from '../../../../src/xds/translate/route.ts';
import { fieldNames } from '../../../docs/xds-fields-page.ts';
import { assignment, corpus } from './corpus/all.ts';
import { pool, resourceOf, settled } from './support.ts';

const messages = fieldSections.flatMap((section) => section.messages);

describe('xds/translate/fields', () => {
  it('name only fields that the definitions have, each in one list', () => {
    for (const fields of messages) {
      const known = fieldNames(fields, pool);
      const { honoured, withoutEffect, refused, remarks, message } = fields;
      const listed = [...honoured, ...withoutEffect, ...Object.keys(refused)];
      expect(known, message).to.include.members([...listed, ...Object.keys(remarks)]);
      expect(new Set(listed).size, message).to.equal(listed.length);
    }
  });

  it('call honoured what the translation of realistic resources reads, and nothing else', () => {
    const read = new Set<string>();
    for (const set of Object.values(corpus)) settled(set, read);
    endpointsOf({ ...resourceOf('endpoint', assignment), fieldsRead: read });
    const honoured = new Set(
      messages.flatMap((fields) => fields.honoured.map((name) => `${fields.message}.${name}`)),
    );
    const treated = new Map(messages.map((fields) => [fields.message, fields]));
    expect(
      [...honoured].filter((field) => !read.has(field)),
      'honoured but not read',
    ).to.deep.equal([]);
    const readForNothing = [...read].filter((field) => {
      const at = field.lastIndexOf('.');
      const treatment = treated.get(field.slice(0, at))?.treatments.get(field.slice(at + 1));
      return treatment === undefined || treatment === 'without effect';
    });
    expect(readForNothing, 'read but not honoured').to.deep.equal([]);
  });

  it('refuse a resource with the path of the field and what to do', () => {
    const { problems } = translateRoute(
      resourceOf('route', {
        name: 'r',
        virtualHosts: [
          {
            name: 'h',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { clusterHeader: 'x-cluster' } }],
          },
        ],
      }),
    );
    expect(problems).to.deep.equal([
      {
        kind: 'route',
        name: 'r',
        path: 'virtual_hosts[0].routes[0].route.cluster_header',
        message: 'is not supported; name the cluster',
      },
    ]);
  });

  it('take filters of Istio that measure from a cluster, and refuse any other one', () => {
    const filtered = (name: string, type: string) => {
      const filters = [{ name, typedConfig: { '@type': `type.googleapis.com/${type}`, value: '' } }];
      const resource = resourceOf('cluster', {
        name: 'c',
        type: 'EDS',
        edsClusterConfig: { edsConfig: { ads: {} } },
        filters,
      });
      const translated = translateCluster(resource);
      const notes = translated.problems ?? translated.warnings;
      return notes.map(({ path, message }) => `${path}: ${message}`);
    };
    expect(filtered('istio.metadata_exchange', 'udpa.type.v1.TypedStruct')).to.deep.equal([
      'filters[0]: the filter "istio.metadata_exchange" has no effect',
    ]);
    expect(filtered('x', 'envoy.tcp.metadataexchange.config.MetadataExchange')).to.deep.equal([
      'filters[0]: the filter "x" has no effect',
    ]);
    expect(filtered('envoy.filters.network.rbac', 'udpa.type.v1.TypedStruct')).to.deep.equal([
      'filters[0]: the filter "envoy.filters.network.rbac" is not supported; remove it from the cluster',
    ]);
  });
});
