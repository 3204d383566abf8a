import { fieldsOf } from '../message-fields.ts';

export const clusterFields = fieldsOf('config.cluster.v3.Cluster', {
  honoured:
    'name type eds_cluster_config connect_timeout lb_policy load_assignment health_checks circuit_breakers common_http_protocol_options http2_protocol_options typed_extension_protocol_options dns_lookup_family outlier_detection ring_hash_lb_config maglev_lb_config least_request_lb_config round_robin_lb_config common_lb_config transport_socket transport_socket_matches load_balancing_policy filters',
  withoutEffect:
    'alt_stat_name stats_matcher metadata per_connection_buffer_limit_bytes per_connection_buffer_high_watermark_timeout dns_refresh_rate dns_jitter dns_failure_refresh_rate respect_dns_ttl wait_for_warm_on_init cleanup_interval http_protocol_options protocol_selection upstream_connection_options close_connections_on_host_health_failure ignore_health_on_host_removal lrs_server lrs_report_endpoint_metrics track_timeout_budgets track_cluster_stats preconnect_policy original_dst_lb_config upstream_http_protocol_options',
  refused: {
    cluster_type: 'send one cluster, with priorities for a fallback: Outrigger has no aggregate clusters',
    lb_subset_config: 'send a cluster for each subset',
    connection_pool_per_downstream_connection: 'Outrigger shares the connections to an endpoint',
    transport_socket_matcher: 'use transport_socket',
    upstream_config: 'leave it out',
  },
  remarks: {
    type: '`EDS`, `STATIC`, `STRICT_DNS` and `LOGICAL_DNS`; `ORIGINAL_DST` has no endpoints here',
    lb_policy: '`ROUND_ROBIN`, `LEAST_REQUEST`, `RING_HASH`, `MAGLEV` and `RANDOM`',
    health_checks: 'the first one; without any, there are no health checks',
    outlier_detection: 'without it, no endpoint is ejected',
    transport_socket_matches: 'the entry without conditions; with none, the cluster is refused',
    dns_refresh_rate: 'Outrigger follows the TTL',
    load_balancing_policy: 'the first policy that Outrigger has',
    filters: 'filters of Istio that measure have no effect; any other one refuses the cluster',
  },
});

export const clusterFilterFields = fieldsOf('config.cluster.v3.Filter', {
  honoured: 'name typed_config',
  refused: { config_discovery: 'Outrigger has no filters for connections to endpoints' },
});

export const edsFields = fieldsOf('config.cluster.v3.Cluster.EdsClusterConfig', {
  honoured: 'eds_config service_name',
});

export const socketMatchFields = fieldsOf('config.cluster.v3.Cluster.TransportSocketMatch', {
  honoured: 'match transport_socket',
  withoutEffect: 'name',
});

export const leastRequestLbFields = fieldsOf('config.cluster.v3.Cluster.LeastRequestLbConfig', {
  honoured: 'choice_count active_request_bias slow_start_config',
});
export const roundRobinLbFields = fieldsOf('config.cluster.v3.Cluster.RoundRobinLbConfig', {
  honoured: 'slow_start_config',
});
export const slowStartLbFields = fieldsOf('config.cluster.v3.Cluster.SlowStartConfig', {
  honoured: 'slow_start_window aggression min_weight_percent',
});
export const ringHashLbFields = fieldsOf('config.cluster.v3.Cluster.RingHashLbConfig', {
  honoured: 'minimum_ring_size maximum_ring_size',
  withoutEffect: 'hash_function',
});
export const maglevLbFields = fieldsOf('config.cluster.v3.Cluster.MaglevLbConfig', {
  honoured: 'table_size',
});

export const commonLbFields = fieldsOf('config.cluster.v3.Cluster.CommonLbConfig', {
  honoured: 'healthy_panic_threshold locality_weighted_lb_config',
  withoutEffect:
    'zone_aware_lb_config update_merge_window close_connections_on_host_set_change ignore_new_hosts_until_first_hc',
  remarks: {
    healthy_panic_threshold: 'without it 0: Outrigger sends no requests to unhealthy endpoints',
    zone_aware_lb_config: 'Outrigger prefers its own `zone` if one is set',
    locality_weighted_lb_config: 'turns the preference for the own zone off',
  },
});

export const loadBalancingPolicyFields = fieldsOf('config.cluster.v3.LoadBalancingPolicy', {
  honoured: 'policies',
});
export const lbPolicyFields = fieldsOf('config.cluster.v3.LoadBalancingPolicy.Policy', {
  honoured: 'typed_extension_config',
});
export const extensionFields = fieldsOf('config.core.v3.TypedExtensionConfig', {
  honoured: 'typed_config',
  withoutEffect: 'name',
});
const policies = 'extensions.load_balancing_policies';
export const leastRequestFields = fieldsOf(`${policies}.least_request.v3.LeastRequest`, {
  honoured: 'choice_count active_request_bias slow_start_config',
  withoutEffect: 'locality_lb_config',
});
export const roundRobinFields = fieldsOf(`${policies}.round_robin.v3.RoundRobin`, {
  honoured: 'slow_start_config',
  withoutEffect: 'locality_lb_config',
});
export const randomFields = fieldsOf(`${policies}.random.v3.Random`, { withoutEffect: 'locality_lb_config' });
export const ringHashFields = fieldsOf(`${policies}.ring_hash.v3.RingHash`, {
  honoured: 'minimum_ring_size maximum_ring_size hash_balance_factor',
  withoutEffect: 'hash_function locality_weighted_lb_config',
});
export const maglevFields = fieldsOf(`${policies}.maglev.v3.Maglev`, {
  honoured: 'table_size',
  withoutEffect: 'locality_weighted_lb_config',
});
export const wrrLocalityFields = fieldsOf(`${policies}.wrr_locality.v3.WrrLocality`, {
  honoured: 'endpoint_picking_policy',
});
export const weightedRoundRobinFields = fieldsOf(
  `${policies}.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin`,
  {
    honoured:
      'enable_oob_load_report oob_reporting_period blackout_period weight_expiration_period weight_update_period error_utilization_penalty metric_names_for_computing_utilization slow_start_config',
  },
);
export const slowStartFields = fieldsOf(`${policies}.common.v3.SlowStartConfig`, {
  honoured: 'slow_start_window aggression min_weight_percent',
});

export const runtimeDoubleFields = fieldsOf('config.core.v3.RuntimeDouble', {
  honoured: 'default_value',
  withoutEffect: 'runtime_key',
});
export const percentFields = fieldsOf('type.v3.Percent', { honoured: 'value' });

export const outlierFields = fieldsOf('config.cluster.v3.OutlierDetection', {
  honoured:
    'consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx enforcing_success_rate success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor consecutive_gateway_failure enforcing_consecutive_gateway_failure failure_percentage_threshold enforcing_failure_percentage failure_percentage_minimum_hosts failure_percentage_request_volume max_ejection_time',
  withoutEffect: 'max_ejection_time_jitter successful_active_health_check_uneject_host always_eject_one_host',
  remarks: {
    enforcing_consecutive_5xx: 'any value above 0 is 100',
    enforcing_success_rate: 'any value above 0 is 100',
    enforcing_failure_percentage: 'any value above 0 is 100',
  },
});

export const circuitBreakerFields = fieldsOf('config.cluster.v3.CircuitBreakers', {
  honoured: 'thresholds per_host_thresholds',
});
export const thresholdFields = fieldsOf('config.cluster.v3.CircuitBreakers.Thresholds', {
  honoured: 'priority max_connections max_pending_requests max_requests max_retries',
  withoutEffect: 'track_remaining',
  remarks: {
    priority: '`DEFAULT`; thresholds of `HIGH` have no effect',
    max_requests: 'values that are not sent are the defaults of Outrigger, not those of Envoy',
  },
});

export const httpProtocolFields = fieldsOf('config.core.v3.HttpProtocolOptions', {
  honoured: 'idle_timeout max_connection_duration max_headers_count',
  withoutEffect: 'max_connection_duration_jitter headers_with_underscores_action max_requests_per_connection',
});
export const http2Fields = fieldsOf('config.core.v3.Http2ProtocolOptions', {
  honoured: 'max_concurrent_streams connection_keepalive',
  withoutEffect:
    'hpack_table_size allow_connect initial_stream_window_size initial_connection_window_size max_outbound_frames max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload max_inbound_priority_frames_per_stream max_inbound_window_update_frames_per_data_frame_sent use_oghttp2_codec enable_huffman_encoding override_stream_error_on_invalid_http_message stream_error_on_invalid_http_messaging',
  remarks: {
    max_concurrent_streams: 'of a listener; of a cluster, the endpoints say it',
    connection_keepalive: 'of a cluster',
  },
});
export const keepaliveFields = fieldsOf('config.core.v3.KeepaliveSettings', {
  honoured: 'interval timeout',
  withoutEffect: 'interval_jitter',
});

const protocols = 'extensions.upstreams.http.v3.HttpProtocolOptions';
export const upstreamProtocolFields = fieldsOf(protocols, {
  honoured: 'common_http_protocol_options explicit_http_config use_downstream_protocol_config auto_config',
  withoutEffect: 'upstream_http_protocol_options',
  refused: { http_filters: 'Outrigger has no filters on the way to endpoints' },
  remarks: {
    use_downstream_protocol_config:
      'HTTP/2 if `http2_protocol_options` is there, else HTTP/1.1: Outrigger has one protocol for each cluster',
    auto_config: 'the same',
  },
});
export const explicitProtocolFields = fieldsOf(`${protocols}.ExplicitHttpConfig`, {
  honoured: 'http_protocol_options http2_protocol_options',
  refused: { http3_protocol_options: 'use HTTP/2' },
});
export const downstreamProtocolFields = fieldsOf(`${protocols}.UseDownstreamHttpConfig`, {
  honoured: 'http_protocol_options http2_protocol_options',
});
export const autoProtocolFields = fieldsOf(`${protocols}.AutoHttpConfig`, {
  honoured: 'http_protocol_options http2_protocol_options',
  withoutEffect: 'alternate_protocols_cache_options',
});

export const healthCheckFields = fieldsOf('config.core.v3.HealthCheck', {
  honoured:
    'timeout interval unhealthy_threshold healthy_threshold http_health_check tcp_health_check grpc_health_check no_traffic_interval',
  withoutEffect:
    'name initial_jitter interval_jitter interval_jitter_percent reuse_connection event_log_path event_logger event_service always_log_health_check_failures always_log_health_check_success',
  refused: {
    custom_health_check: 'use http_health_check, tcp_health_check or grpc_health_check',
    alt_port: 'serve the health check on the port of the endpoint',
  },
});
export const httpCheckFields = fieldsOf('config.core.v3.HealthCheck.HttpHealthCheck', {
  honoured: 'host path expected_statuses',
  withoutEffect: 'response_buffer_size',
});
export const tcpCheckFields = fieldsOf('config.core.v3.HealthCheck.TcpHealthCheck', {});
export const grpcCheckFields = fieldsOf('config.core.v3.HealthCheck.GrpcHealthCheck', {
  honoured: 'service_name authority',
});
export const rangeFields = fieldsOf('type.v3.Int64Range', { honoured: 'start end' });

export const assignmentFields = fieldsOf('config.endpoint.v3.ClusterLoadAssignment', {
  honoured: 'cluster_name endpoints',
  refused: { named_endpoints: 'list the endpoints in `endpoints`' },
});
export const localityEndpointsFields = fieldsOf('config.endpoint.v3.LocalityLbEndpoints', {
  honoured: 'locality lb_endpoints load_balancing_weight priority',
  withoutEffect: 'metadata proximity',
  refused: {
    load_balancer_endpoints: 'list the endpoints in `lb_endpoints`',
    leds_cluster_locality_config: 'list the endpoints in `lb_endpoints`',
  },
});
export const lbEndpointFields = fieldsOf('config.endpoint.v3.LbEndpoint', {
  honoured: 'endpoint health_status load_balancing_weight',
  withoutEffect: 'metadata',
  refused: { endpoint_name: 'send the endpoint itself' },
  remarks: {
    health_status:
      '`UNHEALTHY`, `DRAINING` and `TIMEOUT` take the endpoint out of the list; its calls finish',
    load_balancing_weight: 'with a weight of the locality, the share of the endpoint within it',
  },
});
export const endpointFields = fieldsOf('config.endpoint.v3.Endpoint', {
  honoured: 'address hostname',
  withoutEffect: 'observability_name',
});
export const localityFields = fieldsOf('config.core.v3.Locality', {
  honoured: 'region zone',
  withoutEffect: 'sub_zone',
  remarks: { region: 'the zone, where `zone` is empty' },
});
export const addressFields = fieldsOf('config.core.v3.Address', {
  honoured: 'socket_address pipe',
  refused: { envoy_internal_address: 'send a socket address' },
});
export const socketAddressFields = fieldsOf('config.core.v3.SocketAddress', {
  honoured: 'protocol address port_value',
  withoutEffect: 'ipv4_compat resolver_name',
  refused: {
    named_port: 'send port_value',
    network_namespace_filepath: 'start Outrigger in the network namespace',
  },
  remarks: { protocol: '`TCP`' },
});
export const pipeFields = fieldsOf('config.core.v3.Pipe', { honoured: 'path', withoutEffect: 'mode' });
