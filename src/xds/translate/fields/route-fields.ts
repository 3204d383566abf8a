import { fieldsOf } from '../message-fields.ts';

const noSubsets = 'send a cluster for each subset';
const noMatcherTree = 'list the routes in `routes`';
const noHeaderCluster = 'name the cluster';

export const routeConfigurationFields = fieldsOf('config.route.v3.RouteConfiguration', {
  honoured:
    'name virtual_hosts request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove most_specific_header_mutations_wins request_mirror_policies typed_per_filter_config',
  withoutEffect:
    'validate_clusters internal_only_headers max_direct_response_body_size_bytes metadata ignore_port_in_host_matching',
  refused: {
    vhds: 'list the virtual hosts in `virtual_hosts`',
    vhost_header: 'route by authority',
    route_specifiers: noMatcherTree,
  },
  remarks: {
    ignore_port_in_host_matching: 'a domain without a port always matches any port',
    cluster_specifier_plugins: 'routes that name one are refused',
  },
});

export const virtualHostFields = fieldsOf('config.route.v3.VirtualHost', {
  honoured:
    'name domains routes request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config retry_policy request_mirror_policies',
  withoutEffect:
    'virtual_clusters metadata include_is_timeout_retry_header include_attempt_count_in_response',
  refused: {
    matcher: noMatcherTree,
    route_specifiers: noMatcherTree,
    require_tls: 'redirect in a route instead',
  },
  remarks: {
    domains:
      'exact, `*.suffix` and `*`; other wildcards are refused. The most specific domain takes a request, whatever the order',
  },
});

export const routeFields = fieldsOf('config.route.v3.Route', {
  honoured:
    'name match route redirect direct_response request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove typed_per_filter_config',
  withoutEffect: 'metadata decorator tracing stat_prefix',
  refused: {
    filter_action: 'use route, redirect or direct_response',
    non_forwarding_action: 'it is for gRPC servers; a sidecar needs a route to a cluster',
    route_specifiers: noMatcherTree,
  },
});

export const routeMatchFields = fieldsOf('config.route.v3.RouteMatch', {
  honoured:
    'prefix path safe_regex path_separated_prefix case_sensitive runtime_fraction headers query_parameters grpc',
  refused: {
    connect_matcher: 'match a path; WebSockets pass on every route',
    path_match_policy: 'use prefix, path or safe_regex',
    tls_context: 'Outrigger does not route by client certificate',
    dynamic_metadata: 'no filter of Outrigger sets it',
    filter_state: 'no filter of Outrigger sets it',
    cookies: 'match the header `cookie`',
  },
  remarks: {
    runtime_fraction:
      '100 percent, or 0 for a route that never matches; other values are refused (use weighted_clusters)',
  },
});

export const headerMatcherFields = fieldsOf('config.route.v3.HeaderMatcher', {
  honoured:
    'name exact_match safe_regex_match present_match prefix_match suffix_match contains_match string_match invert_match treat_missing_header_as_empty',
  refused: { range_match: 'use safe_regex' },
  remarks: {
    name: '`:method` and `:authority` match by exact value; other pseudo-headers are refused',
    treat_missing_header_as_empty:
      'without it, a condition on the value never holds for an absent header, not even with `invert_match`; refused for a pattern that the empty text matches',
  },
});

export const queryMatcherFields = fieldsOf('config.route.v3.QueryParameterMatcher', {
  honoured: 'name string_match present_match',
});

export const stringMatcherFields = fieldsOf('type.matcher.v3.StringMatcher', {
  honoured: 'exact prefix suffix contains safe_regex ignore_case',
  refused: { custom: 'use exact, prefix, suffix, contains or safe_regex' },
});

export const regexFields = fieldsOf('type.matcher.v3.RegexMatcher', {
  honoured: 'regex',
  withoutEffect: 'google_re2',
  remarks: { regex: 'must match the whole text, as in Envoy' },
});

export const regexSubstituteFields = fieldsOf('type.matcher.v3.RegexMatchAndSubstitute', {
  honoured: 'pattern substitution',
  remarks: { pattern: 'must begin with `^`: Outrigger changes the path as a whole, not each occurrence' },
});

export const routeActionFields = fieldsOf('config.route.v3.RouteAction', {
  honoured:
    'cluster weighted_clusters prefix_rewrite regex_rewrite host_rewrite_literal auto_host_rewrite timeout retry_policy request_mirror_policies hash_policy max_stream_duration',
  withoutEffect:
    'cluster_not_found_response_code priority append_x_forwarded_host upgrade_configs early_data_policy flush_timeout include_vh_rate_limits',
  refused: {
    cluster_header: noHeaderCluster,
    cluster_specifier_plugin: noHeaderCluster,
    inline_cluster_specifier_plugin: noHeaderCluster,
    metadata_match: noSubsets,
    path_rewrite_policy: 'use prefix_rewrite or regex_rewrite',
    path_rewrite: 'use prefix_rewrite or regex_rewrite',
    host_rewrite_header: 'use host_rewrite_literal',
    host_rewrite_path_regex: 'use host_rewrite_literal',
    host_rewrite: 'use host_rewrite_literal',
  },
  remarks: {
    cluster: 'requests for a cluster that is not there get UNAVAILABLE or 503',
    timeout: 'Envoy style: default 15s, `0s` is none. Listeners for proxyless gRPC ignore it, as gRPC does',
    max_stream_duration: 'a limit for the whole call; `grpc-timeout` of the client also applies',
    hash_policy: 'is of the cluster here: the policies of the first route that leads to it apply',
    request_mirror_policies: 'the first one',
  },
});

export const maxStreamDurationFields = fieldsOf('config.route.v3.RouteAction.MaxStreamDuration', {
  honoured: 'max_stream_duration grpc_timeout_header_max',
});

export const mirrorFields = fieldsOf('config.route.v3.RouteAction.RequestMirrorPolicy', {
  honoured: 'cluster runtime_fraction',
  withoutEffect: 'disable_shadow_host_suffix_append trace_sampled',
  refused: { cluster_header: noHeaderCluster },
  remarks: { disable_shadow_host_suffix_append: 'Outrigger never changes the authority of a copy' },
});

export const hashPolicyFields = fieldsOf('config.route.v3.RouteAction.HashPolicy', {
  honoured: 'header cookie connection_properties',
  withoutEffect: 'terminal',
  remarks: { terminal: 'the first source with a value gives the key' },
});
export const hashHeaderFields = fieldsOf('config.route.v3.RouteAction.HashPolicy.Header', {
  honoured: 'header_name',
});
export const hashCookieFields = fieldsOf('config.route.v3.RouteAction.HashPolicy.Cookie', {
  honoured: 'name',
  withoutEffect: 'path attributes',
  remarks: { ttl: 'Outrigger does not create the cookie' },
});
export const hashConnectionFields = fieldsOf('config.route.v3.RouteAction.HashPolicy.ConnectionProperties', {
  honoured: 'source_ip',
});

export const weightedClusterFields = fieldsOf('config.route.v3.WeightedCluster', {
  honoured: 'clusters',
  withoutEffect: 'total_weight runtime_key_prefix',
  refused: {
    header_name: 'the weights decide at random',
    use_hash_policy: 'the weights decide at random',
  },
});

export const clusterWeightFields = fieldsOf('config.route.v3.WeightedCluster.ClusterWeight', {
  honoured: 'name weight',
  refused: { cluster_header: noHeaderCluster, metadata_match: noSubsets },
});

export const retryPolicyFields = fieldsOf('config.route.v3.RetryPolicy', {
  honoured: 'retry_on num_retries per_try_timeout retriable_status_codes retry_back_off',
  withoutEffect:
    'retry_priority retry_host_predicate host_selection_retry_max_attempts retry_options_predicates',
  remarks: {
    retry_on:
      '`5xx`, `gateway-error`, `connect-failure`, `reset`, `retriable-4xx`, `retriable-status-codes` and the gRPC statuses; others are left out with a warning',
    num_retries: 'at most 9',
    retry_host_predicate: 'a retry always goes to another endpoint if there is one',
  },
});
export const retryBackOffFields = fieldsOf('config.route.v3.RetryPolicy.RetryBackOff', {
  honoured: 'base_interval max_interval',
});

export const redirectFields = fieldsOf('config.route.v3.RedirectAction', {
  honoured:
    'https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite regex_rewrite response_code strip_query',
  refused: { path_rewrite: 'use path_redirect, prefix_rewrite or regex_rewrite' },
  remarks: {
    https_redirect:
      'the port is that of https, unless `port_redirect` is sent; Envoy keeps that of the request',
  },
});

export const directResponseFields = fieldsOf('config.route.v3.DirectResponseAction', {
  honoured: 'status body',
  refused: { body_format: 'send the text in `body`' },
  remarks: { status: 'from 200 to 599', body: 'inline, at most 64 KiB' },
});

export const headerOptionFields = fieldsOf('config.core.v3.HeaderValueOption', {
  honoured: 'header append append_action',
  withoutEffect: 'keep_empty_value',
  remarks: {
    append_action: '`APPEND_IF_EXISTS_OR_ADD` and `OVERWRITE_IF_EXISTS_OR_ADD`; the others are refused',
  },
});
export const headerValueFields = fieldsOf('config.core.v3.HeaderValue', {
  honoured: 'key value raw_value',
  remarks: {
    value: 'the commands that `{client.address}` and similar variables stand for; others refuse the resource',
  },
});

export const fractionFields = fieldsOf('config.core.v3.RuntimeFractionalPercent', {
  honoured: 'default_value',
  withoutEffect: 'runtime_key',
});
export const fractionalPercentFields = fieldsOf('type.v3.FractionalPercent', {
  honoured: 'numerator denominator',
});

export const filterConfigFields = fieldsOf('config.route.v3.FilterConfig', {
  honoured: 'config disabled is_optional',
});
