import { fieldsOf } from '../message-fields.ts';

const noRedirection = 'Outrigger does not take redirected connections; bind a listener to its own address';
const noCertificateProviders =
  'send the certificates inline, as file names or by SDS; Outrigger has no certificate providers';

export const listenerFields = fieldsOf('config.listener.v3.Listener', {
  honoured:
    'name address filter_chains default_filter_chain api_listener traffic_direction bind_to_port deprecated_v1 listener_filters use_original_dst',
  withoutEffect:
    'stat_prefix stats_matcher metadata drain_type reuse_port enable_reuse_port access_log connection_balance_config ignore_global_conn_limit bypass_overload_manager listener_filters_timeout continue_on_listener_filters_timeout tcp_backlog_size max_connections_to_accept_per_socket_event',
  refused: {
    transparent: noRedirection,
    udp_listener_config: 'declare the UDP listener in the configuration file',
    internal_listener: 'give the listener a socket address',
    fcds_config: 'list the filter chains in the listener',
    filter_chain_matcher: 'send one filter chain for each listener',
    additional_addresses: 'send one listener for each address',
  },
  remarks: {
    bind_to_port:
      '`false`: Outrigger accepts the listener and does not open it, since only redirected connections reach it',
    use_original_dst: '`true`: the same as `bind_to_port: false`',
    filter_chains: 'one filter chain takes the connections; see "Filter chains"',
    traffic_direction: '`INBOUND` is `direction: inbound`',
    listener_filters:
      'TLS, HTTP and original destination inspectors have no effect; others refuse the listener',
  },
});

export const deprecatedListenerFields = fieldsOf('config.listener.v3.Listener.DeprecatedV1', {
  honoured: 'bind_to_port',
});

export const listenerFilterFields = fieldsOf('config.listener.v3.ListenerFilter', {
  honoured: 'name typed_config',
  withoutEffect: 'filter_disabled',
  refused: { config_discovery: 'send the filter in the listener' },
});

export const apiListenerFields = fieldsOf('config.listener.v3.ApiListener', { honoured: 'api_listener' });

export const filterChainFields = fieldsOf('config.listener.v3.FilterChain', {
  honoured: 'filter_chain_match filters transport_socket name',
  withoutEffect: 'metadata transport_socket_connect_timeout',
  refused: { use_proxy_proto: 'Outrigger does not read the PROXY protocol' },
});

export const filterChainMatchFields = fieldsOf('config.listener.v3.FilterChainMatch', {
  honoured: 'transport_protocol application_protocols server_names destination_port',
  refused: {
    prefix_ranges: noRedirection,
    address_suffix: noRedirection,
    suffix_len: noRedirection,
    source_type: 'send one filter chain for all sources',
    source_prefix_ranges: 'send one filter chain for all sources',
    direct_source_prefix_ranges: 'send one filter chain for all sources',
    source_ports: 'send one filter chain for all sources',
  },
  remarks: {
    destination_port:
      'that of the listener; another one refuses it, since Outrigger does not take redirected connections',
    server_names: 'accepted for the only filter chain, and not compared with the SNI of the client',
  },
});

export const filterFields = fieldsOf('config.listener.v3.Filter', {
  honoured: 'name typed_config',
  refused: { config_discovery: 'send the filter in the listener' },
});

export const connectionManagerFields = fieldsOf(
  'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  {
    honoured:
      'rds route_config http_filters common_http_protocol_options http2_protocol_options max_request_headers_kb normalize_path merge_slashes path_with_escaped_slashes_action',
    withoutEffect:
      'stat_prefix codec_type access_log access_log_flush_interval flush_access_log_on_new_request access_log_options tracing add_user_agent server_name server_header_transformation proxy_100_continue upgrade_configs via drain_timeout drain_timeout_jitter delayed_close_timeout record_route_resolution_stats strip_any_host_port strip_matching_host_port',
    refused: {
      scoped_routes: 'use rds or route_config',
      original_ip_detection_extensions: 'route by a header instead',
      early_header_mutation_extensions: 'change the headers in the route',
    },
    remarks: {
      normalize_path: 'default `false`, as in Envoy; a `requestTarget` of the file has `true`',
      upgrade_configs: 'WebSockets always pass',
      strip_any_host_port: 'a domain without a port always matches any port',
    },
  },
);

export const rdsFields = fieldsOf('extensions.filters.network.http_connection_manager.v3.Rds', {
  honoured: 'route_config_name config_source',
});

export const configSourceFields = fieldsOf('config.core.v3.ConfigSource', {
  honoured: 'ads self api_config_source',
  withoutEffect: 'resource_api_version initial_fetch_timeout authorities',
  refused: { path: 'use ads', path_config_source: 'use ads' },
  remarks: {
    api_config_source:
      'routes and endpoints come over the ADS stream all the same; a secret from another service, as of an Istio agent, is refused',
  },
});

export const httpFilterFields = fieldsOf('extensions.filters.network.http_connection_manager.v3.HttpFilter', {
  honoured: 'name typed_config is_optional disabled',
  refused: { config_discovery: 'send the filter in the listener' },
  remarks: {
    typed_config: 'see "HTTP filters"',
    is_optional: 'a filter that Outrigger does not know is left out',
  },
});

export const routerFields = fieldsOf('extensions.filters.http.router.v3.Router', {
  withoutEffect:
    'dynamic_stats start_child_span upstream_log upstream_log_options suppress_envoy_headers strict_check_headers respect_expected_rq_timeout suppress_grpc_request_failure_code_stats reject_connect_request_early_data',
});

export const faultFields = fieldsOf('extensions.filters.http.fault.v3.HTTPFault', {
  honoured: 'delay abort headers upstream_cluster',
  withoutEffect:
    'delay_percent_runtime abort_percent_runtime delay_duration_runtime abort_http_status_runtime max_active_faults_runtime response_rate_limit_percent_runtime abort_grpc_status_runtime disable_downstream_cluster_stats filter_metadata',
  remarks: {
    headers: 'a fault with conditions is left out, with a warning',
    upstream_cluster: 'a fault with conditions is left out, with a warning',
  },
});

export const faultDelayFields = fieldsOf('extensions.filters.common.fault.v3.FaultDelay', {
  honoured: 'fixed_delay percentage',
});

export const faultAbortFields = fieldsOf('extensions.filters.http.fault.v3.FaultAbort', {
  honoured: 'http_status grpc_status percentage',
  remarks: { http_status: 'a status below 400 is left out, with a warning' },
});

export const localRateLimitFields = fieldsOf('extensions.filters.http.local_ratelimit.v3.LocalRateLimit', {
  honoured: 'token_bucket filter_enabled filter_enforced',
  withoutEffect: 'stat_prefix stage rate_limited_as_resource_exhausted enable_retry_after_header',
  remarks: {
    token_bucket: 'each route has a bucket of its own',
    filter_enabled: 'on at 100 percent, else off',
    filter_enforced: 'on at 100 percent, else off',
  },
});

export const tokenBucketFields = fieldsOf('type.v3.TokenBucket', {
  honoured: 'max_tokens tokens_per_fill fill_interval',
});

export const tcpProxyFields = fieldsOf('extensions.filters.network.tcp_proxy.v3.TcpProxy', {
  honoured: 'cluster weighted_clusters',
  withoutEffect:
    'stat_prefix access_log access_log_flush_interval flush_access_log_on_connected access_log_options',
  refused: {
    tunneling_config: 'Outrigger forwards the bytes unchanged',
    metadata_match: 'send a cluster for each subset',
    on_demand: 'send the cluster with the other ones',
  },
});

export const tcpWeightedFields = fieldsOf(
  'extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster',
  { honoured: 'clusters', remarks: { clusters: 'one cluster with a weight; several are refused' } },
);

export const tcpWeightFields = fieldsOf(
  'extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight',
  {
    honoured: 'name weight',
    refused: { metadata_match: 'send a cluster for each subset' },
  },
);

export const transportSocketFields = fieldsOf('config.core.v3.TransportSocket', {
  honoured: 'typed_config',
  withoutEffect: 'name',
});

export const rawBufferFields = fieldsOf('extensions.transport_sockets.raw_buffer.v3.RawBuffer', {});

export const downstreamTlsFields = fieldsOf('extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
  honoured: 'common_tls_context require_client_certificate',
  withoutEffect:
    'disable_stateless_session_resumption disable_stateful_session_resumption session_timeout session_ticket_keys session_ticket_keys_sds_secret_config ocsp_staple_policy full_scan_certs_on_sni_mismatch prefer_client_ciphers',
  refused: { require_sni: 'Outrigger accepts clients without SNI' },
});

export const upstreamTlsFields = fieldsOf('extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
  honoured: 'common_tls_context sni auto_host_sni auto_sni_san_validation',
  withoutEffect: 'max_session_keys allow_renegotiation enforce_rsa_key_usage',
  remarks: {
    sni: 'also the name that the certificate is verified against',
    auto_host_sni: 'without `sni`, Outrigger sends the host name of the endpoint',
    auto_sni_san_validation: 'Outrigger always verifies the name',
  },
});

export const commonTlsFields = fieldsOf('extensions.transport_sockets.tls.v3.CommonTlsContext', {
  honoured:
    'tls_certificates tls_certificate_sds_secret_configs validation_context validation_context_sds_secret_config combined_validation_context',
  withoutEffect: 'tls_params alpn_protocols key_log',
  refused: {
    tls_certificate_provider_instance: noCertificateProviders,
    tls_certificate_certificate_provider: noCertificateProviders,
    tls_certificate_certificate_provider_instance: noCertificateProviders,
    validation_context_certificate_provider: noCertificateProviders,
    validation_context_certificate_provider_instance: noCertificateProviders,
    custom_tls_certificate_selector: 'send one certificate',
    custom_handshaker: 'use the TLS of Outrigger',
  },
  remarks: { tls_params: 'TLS 1.2 and 1.3 with the ciphers of Outrigger' },
});

export const combinedValidationFields = fieldsOf(
  'extensions.transport_sockets.tls.v3.CommonTlsContext.CombinedCertificateValidationContext',
  {
    honoured: 'default_validation_context validation_context_sds_secret_config',
    refused: {
      validation_context_certificate_provider: noCertificateProviders,
      validation_context_certificate_provider_instance: noCertificateProviders,
    },
  },
);

export const sdsFields = fieldsOf('extensions.transport_sockets.tls.v3.SdsSecretConfig', {
  honoured: 'name sds_config',
});

export const validationFields = fieldsOf('extensions.transport_sockets.tls.v3.CertificateValidationContext', {
  honoured: 'trusted_ca match_typed_subject_alt_names match_subject_alt_names',
  withoutEffect: 'watched_directory system_root_certs suppress_client_ca_list',
  refused: {
    ca_certificate_provider_instance: noCertificateProviders,
    verify_certificate_spki: 'verify by a CA and a name',
    verify_certificate_hash: 'verify by a CA and a name',
    crl: 'use short-lived certificates',
    allow_expired_certificate: 'Outrigger refuses expired certificates',
    trust_chain_verification: 'Outrigger always verifies the chain',
    custom_validator_config: 'verify by a CA and a name',
  },
  remarks: {
    match_typed_subject_alt_names:
      'one exact DNS name or IP address, upstream only; anything else is refused, since Outrigger verifies one name',
  },
});

export const altNameFields = fieldsOf('extensions.transport_sockets.tls.v3.SubjectAltNameMatcher', {
  honoured: 'san_type matcher',
  withoutEffect: 'oid',
});

export const secretFields = fieldsOf('extensions.transport_sockets.tls.v3.Secret', {
  honoured: 'name tls_certificate validation_context',
  refused: {
    session_ticket_keys: 'Outrigger makes its own session tickets',
    generic_secret: 'send a certificate or a CA',
  },
});

export const certificateFields = fieldsOf('extensions.transport_sockets.tls.v3.TlsCertificate', {
  honoured: 'certificate_chain private_key',
  withoutEffect: 'watched_directory ocsp_staple signed_certificate_timestamp tls_params',
  refused: {
    pkcs12: 'send certificate_chain and private_key in PEM',
    private_key_provider: 'send private_key',
    password: 'send the private key without a password',
  },
});

export const dataSourceFields = fieldsOf('config.core.v3.DataSource', {
  honoured: 'filename inline_bytes inline_string',
  withoutEffect: 'watched_directory',
  refused: { environment_variable: 'send the content, or the name of a file' },
});
