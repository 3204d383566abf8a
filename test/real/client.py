"""What a Python gRPC client (C core) sees: client.py TARGET STUB_DIR. Prints a JSON line for each check."""

import json
import sys
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

target, stub_dir = sys.argv[1:3]
sys.path.insert(0, stub_dir)

import greeter_pb2  # noqa: E402
import greeter_pb2_grpc  # noqa: E402
from test_protos import echo_pb2, echo_pb2_grpc  # noqa: E402

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
DEADLINE_S = 20


class Checks:
    def __init__(self, channel):
        self.echo = echo_pb2_grpc.EchoStub(channel)
        self.greeter = greeter_pb2_grpc.GreeterStub(channel)
        self.health = health_pb2_grpc.HealthStub(channel)

    def a_unary_call(self):
        reply = self.greeter.SayHello(greeter_pb2.HelloRequest(name="Zoë"), timeout=DEADLINE_S)
        assert reply.message == "Hello Zoë", reply

    def the_health_service(self):
        reply = self.health.Check(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING, reply

    def metadata_and_trailers_text_repeated_and_binary(self):
        raw = bytes(range(256))
        options = echo_pb2.Options(
            echo_metadata=True,
            trailers=[
                echo_pb2.Trailer(key="x-last", text="word"),
                echo_pb2.Trailer(key="x-last-bin", binary=raw),
            ],
        )
        sent = (("x-one", "1"), ("x-many", "a"), ("x-many", "b"), ("x-raw-bin", raw))
        _, call = self.echo.Unary.with_call(
            echo_pb2.EchoRequest(options=options), metadata=sent, timeout=DEADLINE_S
        )
        initial = call.initial_metadata()
        values = [value for key, value in initial if key == "echo-x-many"]
        assert ", ".join(values) == "a, b", initial
        assert dict(initial)["echo-x-one"] == "1", initial
        assert dict(initial)["echo-x-raw-bin"] == raw, initial
        trailing = dict(call.trailing_metadata())
        assert trailing["x-last"] == "word" and trailing["x-last-bin"] == raw, trailing

    def a_message_of_16_mib_both_ways(self):
        payload = b"0123456789abcdef" * (1 << 20)
        reply = self.echo.Unary(echo_pb2.EchoRequest(payload=payload), timeout=60)
        assert reply.payload == payload, len(reply.payload)

    def a_compressed_call(self):
        payload = b"again and " * 100_000
        reply = self.echo.Unary(
            echo_pb2.EchoRequest(payload=payload), timeout=DEADLINE_S, compression=grpc.Compression.Gzip
        )
        assert reply.payload == payload, len(reply.payload)

    def a_client_stream(self):
        parts = [bytes([i]) * 10_000 for i in range(100)]
        requests = (echo_pb2.EchoRequest(payload=part) for part in parts)
        reply = self.echo.ClientStream(requests, timeout=DEADLINE_S)
        assert reply.received == 100 and reply.payload == b"".join(parts), reply.received

    def a_server_stream_in_order(self):
        request = echo_pb2.EchoRequest(payload=b"x" * 1000, options=echo_pb2.Options(replies=500))
        indices = [reply.index for reply in self.echo.ServerStream(request, timeout=DEADLINE_S)]
        assert indices == list(range(500)), indices[:10]

    def a_conversation_each_request_after_the_reply(self):
        answers = []

        def requests():
            for i in range(50):
                while len(answers) < i:
                    time.sleep(0.0005)
                yield echo_pb2.EchoRequest(payload=str(i).encode())

        for reply in self.echo.Bidi(requests(), timeout=DEADLINE_S):
            answers.append(reply.payload)
        assert answers == [str(i).encode() for i in range(50)], answers

    def a_failed_call_with_a_unicode_message_and_trailers(self):
        options = echo_pb2.Options(
            fail_status=9,
            fail_message="nicht bereit: 負荷 100%\n",
            trailers=[echo_pb2.Trailer(key="x-why", text="asked")],
        )
        error = failure(lambda: self.echo.Unary(echo_pb2.EchoRequest(options=options), timeout=DEADLINE_S))
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
        assert error.details() == "nicht bereit: 負荷 100%\n", repr(error.details())
        assert dict(error.trailing_metadata())["x-why"] == "asked", error

    def a_stream_that_fails_after_its_replies(self):
        options = echo_pb2.Options(replies=3, fail_status=10, fail_message="half way")
        replies = []

        def read():
            for reply in self.echo.ServerStream(echo_pb2.EchoRequest(options=options), timeout=DEADLINE_S):
                replies.append(reply.index)

        error = failure(read)
        assert replies == [0, 1, 2], replies
        assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, "half way"), error

    def an_unknown_method(self):
        channel_call = self.channel.unary_unary("/helloworld.Greeter/NoSuch")
        error = failure(lambda: channel_call(b"", timeout=DEADLINE_S))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error

    def a_deadline(self):
        request = echo_pb2.EchoRequest(options=echo_pb2.Options(hold=True))
        began = time.monotonic()
        error = failure(lambda: self.echo.Unary(request, timeout=0.3))
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
        assert time.monotonic() - began < 5

    def a_cancelled_call(self):
        call = self.echo.Unary.future(echo_pb2.EchoRequest(options=echo_pb2.Options(hold=True)))
        time.sleep(0.2)
        call.cancel()
        assert call.code() == grpc.StatusCode.CANCELLED, call.code()

    def a_cancelled_stream(self):
        request = echo_pb2.EchoRequest(options=echo_pb2.Options(replies=100_000, pause_ms=5))
        stream = self.echo.ServerStream(request)
        assert next(stream).index == 0
        stream.cancel()
        error = failure(lambda: list(stream))
        assert error.code() == grpc.StatusCode.CANCELLED, error

    def two_hundred_calls_at_once_over_one_connection(self):
        requests = [
            echo_pb2.EchoRequest(payload=str(i).encode(), options=echo_pb2.Options(sleep_ms=20)) for i in range(200)
        ]
        calls = [self.echo.Unary.future(request, timeout=DEADLINE_S) for request in requests]
        replies = [call.result() for call in calls]
        assert [reply.payload for reply in replies] == [request.payload for request in requests]
        served = {reply.replica for reply in replies}
        assert served == {"a", "b", "c"} or "," in target, f"only {served} served"


def failure(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


def main():
    with grpc.insecure_channel(target, options=OPTIONS) as channel:
        checks = Checks(channel)
        checks.channel = channel
        for name, check in list(vars(Checks).items()):
            if name.startswith("_"):
                continue
            try:
                check(checks)
                why = ""
            except Exception as error:  # every way of failing is a failed check
                why = f"{type(error).__name__}: {error}"
            print(json.dumps({"name": name.replace("_", " "), "why": why}), flush=True)


main()
