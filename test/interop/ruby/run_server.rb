# gRPC-Ruby's interop server: `ruby run_server.rb GEM-DIR PORT`.
require 'grpc'

# The server asks for every interface, and for 30 threads: a call beyond those gets RESOURCE_EXHAUSTED.
module OnLoopback
  def initialize(**options)
    super(pool_size: 150, **options)
  end

  def add_http2_port(address, credentials)
    super(address.sub('0.0.0.0', '127.0.0.1'), credentials)
  end
end
GRPC::RpcServer.prepend(OnLoopback)

gem_dir, port = ARGV
ARGV.replace(['--port', port, '--use_tls', 'false'])
load "#{gem_dir}/src/ruby/pb/test/server.rb"
