import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { definitions } from '../../../../src/cli/demo/protos.ts';
import { addReflection } from '../../../../src/cli/demo/reflection.ts';
import { systemClock } from '../../../../src/core/clock.ts';
import { ReflectionClient } from '../../../../src/reflection/reflection-client.ts';
import { bind } from '../../../support/reflection-server.ts';

describe('cli/demo/reflection', () => {
  let server: grpc.Server;
  let client: grpc.Client;
  beforeEach(async () => {
    server = new grpc.Server();
    addReflection(server, definitions);
    client = new grpc.Client(await bind(server), grpc.credentials.createInsecure());
  });
  afterEach(() => {
    client.close();
    server.forceShutdown();
  });

  it('tools find the services of the demo and all of their methods', async () => {
    const reflection = new ReflectionClient(client, systemClock);
    expect(await reflection.listServices()).to.deep.equal({
      value: ['grpc.health.v1.Health', 'helloworld.Greeter'],
    });
    const { value: greeter } = await reflection.describe('helloworld.Greeter');
    expect(greeter?.method('helloworld.Greeter/SayHello').value?.input.fullName).to.equal(
      'helloworld.HelloRequest',
    );
    const { value: health } = await reflection.describe('grpc.health.v1.Health');
    expect(health?.method('grpc.health.v1.Health/Watch').value?.method.responseStream).to.equal(true);
  });

  it('anything else is reported as unknown', async () => {
    const { error } = await new ReflectionClient(client, systemClock).describe('orders.Orders');
    expect(error).to.equal('the reflection service answered: the demo does not define this');
  });
});
