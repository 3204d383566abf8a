import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const ruleFile = 'docker/prometheus/outrigger-rules.yml';
export const dashboardFile = 'docker/grafana/outrigger.json';

/** An expression with what uses it: the name of a rule, or the title of a panel. */
export interface MonitoringQuery {
  readonly of: string;
  readonly expr: string;
}

interface Rules {
  readonly groups: ReadonlyArray<{
    readonly rules: ReadonlyArray<{
      readonly alert?: string;
      readonly record?: string;
      readonly expr: string;
    }>;
  }>;
}

interface Dashboard {
  readonly panels: ReadonlyArray<{
    readonly title: string;
    readonly targets?: ReadonlyArray<{ readonly expr: string }>;
  }>;
  readonly templating: {
    readonly list: ReadonlyArray<{ readonly name: string; readonly definition?: string }>;
  };
}

/** The expressions of the recording and alert rules. */
export function ruleQueries(): MonitoringQuery[] {
  const { groups } = parse(readFileSync(ruleFile, 'utf8')) as Rules;
  return groups.flatMap(({ rules }) =>
    rules.map(({ alert, record, expr }) => ({ of: alert ?? record ?? '', expr })),
  );
}

/** The expressions of the dashboard, with every value of its variables and the given interval for rates. */
export function dashboardQueries(rateInterval: string): MonitoringQuery[] {
  const { panels } = readDashboard();
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      of: title,
      expr: expr.replaceAll('$__rate_interval', rateInterval).replaceAll(/\$(job|instance|cluster)\b/g, '.*'),
    })),
  );
}

/** The series that the variables of the dashboard take their values from. */
export function variableQueries(): MonitoringQuery[] {
  return readDashboard().templating.list.flatMap(({ name, definition }) => {
    const series = /^label_values\((.*), \w+\)$/.exec(definition ?? '')?.[1];
    return series === undefined
      ? []
      : [{ of: `variable ${name}`, expr: series.replaceAll(/\$(job|instance|cluster)\b/g, '.*') }];
  });
}

function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(dashboardFile, 'utf8')) as Dashboard;
}

/** Names of the metrics of Outrigger in an expression: words in front of labels, a range or the end of a term. */
export function metricNames(expr: string): string[] {
  const withoutLabels = expr.replaceAll(/\{[^}]*\}/g, '').replaceAll(/\b(by|on) \([^)]*\)/g, '');
  const words = withoutLabels.match(/(?<![\w:])(outrigger|rpc|http|grpc|process)_\w+/g) ?? [];
  return [...new Set(words)];
}
