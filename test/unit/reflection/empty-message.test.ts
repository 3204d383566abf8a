import { expect } from 'chai';
import { poolOfProtoFiles } from '../../../src/reflection/definition-files.ts';
import type { DescriptorPool } from '../../../src/reflection/descriptor-pool.ts';
import { emptyMessage } from '../../../src/reflection/empty-message.ts';
import { jsonToMessage } from '../../../src/reflection/json-to-message.ts';
import { messageToJson } from '../../../src/reflection/message-to-json.ts';
import { writeProto } from './write-proto.ts';

const definition = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";
import "google/protobuf/any.proto";
enum Size { SIZE_UNSPECIFIED = 0; LARGE = 1; }
message Order {
  string order_id = 1;
  int64 cents = 2;
  bool paid = 3;
  bytes blob = 4;
  Size size = 5;
  repeated Order parts = 6;
  map<string, Order> by_name = 7;
  oneof way { string post = 8; Address courier = 9; }
  Address to = 10;
  google.protobuf.Timestamp at = 11;
  google.protobuf.Any more = 12;
  optional double weight = 13;
  Order before = 14;
}
message Address { string street = 1; Country country = 2; }
message Country { string code = 1; }
message Wide { ${Array.from({ length: 300 }, (_, i) => `int32 f${i + 1} = ${i + 1};`).join(' ')} }
message Empty {}
`;

describe('reflection/empty-message', () => {
  let pool: DescriptorPool;
  before(function () {
    pool = poolOfProtoFiles([writeProto(this, definition)], []).value!;
  });
  const of = (name: string) => emptyMessage(pool, pool.message(name)!);

  it('has every field, one of each oneof, and null where a message would contain itself', () => {
    expect(of('shop.Order')).to.deep.equal({
      orderId: '',
      cents: 0,
      paid: false,
      blob: '',
      size: 'SIZE_UNSPECIFIED',
      parts: [],
      byName: {},
      post: '',
      to: { street: '', country: { code: '' } },
      at: null,
      more: null,
      weight: 0,
      before: null,
    });
    expect(of('shop.Empty')).to.deep.equal({});
  });

  it('encodes to a message without values, other than those that show that a field is there', () => {
    const type = pool.message('shop.Order')!;
    const encoded = jsonToMessage(pool, type, of('shop.Order'));
    expect(encoded.error).to.equal(undefined);
    const { value } = messageToJson(pool, type, encoded.value!);
    expect(jsonToMessage(pool, type, value!).error).to.equal(undefined);
    expect(Object.keys(value as object))
      .to.include('to')
      .and.not.include('before')
      .and.not.include('at');
  });

  it('is bounded', () => {
    expect(Object.keys(of('shop.Wide') as object)).to.have.length(200);
  });
});
