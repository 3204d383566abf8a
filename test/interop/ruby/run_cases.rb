# Runs many cases of gRPC-Ruby's interop client in one process: `ruby run_cases.rb GEM-DIR PORT CONCURRENT CASE...`.
# Says `RESULT <tab> case <tab> ok` or `RESULT <tab> case <tab> failed <tab> why` for each, in order.
gem_dir, port, concurrent, *cases = ARGV
ARGV.clear
require "#{gem_dir}/src/ruby/pb/test/client"

# Cases of the descriptions that this version's client lacks.
class MoreTests < NamedTests
  SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n".freeze

  def special_status_message
    status = EchoStatus.new(code: GRPC::Core::StatusCodes::UNKNOWN, message: SPECIAL_MESSAGE)
    @stub.unary_call(SimpleRequest.new(response_status: status))
    fail AssertionError, 'the call succeeded'
  rescue GRPC::Unknown => e
    got = e.details.dup.force_encoding('UTF-8')
    assert("the message is #{got.inspect}") { got == SPECIAL_MESSAGE }
  end

  def rpc_soak
    100.times { perform_large_unary }
  end

  # Fewer than the 1000 of the descriptions, for Ruby takes 10 ms for each.
  def concurrent_large_unary(concurrent)
    left = Queue.new
    300.times { |n| left << n }
    left.close
    threads = Array.new(concurrent) { Thread.new { perform_large_unary while left.pop } }
    threads.each { |thread| thread.report_on_exception = false }
    threads.each(&:join)
  end
end

$stdout.sync = true
cases.each do |name|
  args = Args.new
  args.server_host = '127.0.0.1'
  args.server_host_override = ''
  args.server_port = port
  args.secure = false
  args.test_case = name
  begin
    tests = MoreTests.new(create_stub(args), args)
    name == 'concurrent_large_unary' ? tests.public_send(name, concurrent.to_i) : tests.public_send(name)
    puts "RESULT\t#{name}\tok"
  rescue StandardError => e
    puts "RESULT\t#{name}\tfailed\t#{"#{e.class}: #{e.message}".gsub(/\s+/, ' ')}"
  end
end
