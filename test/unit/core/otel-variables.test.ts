import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { otelValue, otelVariables } from '../../../src/core/otel-variables.ts';

describe('core/otel-variables', () => {
  it('gives a value that is right, trimmed, and nothing in the place of a wrong one', () => {
    const env = { OTEL_SDK_DISABLED: ' TRUE ', OTEL_TRACES_EXPORTER: 'zipkin', OTEL_BSP_SCHEDULE_DELAY: '' };
    expect(otelValue(env, 'OTEL_SDK_DISABLED')).to.equal('TRUE');
    expect(otelValue(env, 'OTEL_TRACES_EXPORTER')).to.equal('');
    expect(otelValue(env, 'OTEL_BSP_SCHEDULE_DELAY')).to.equal('');
    expect(otelValue(env, 'OTEL_METRICS_EXPORTER')).to.equal('');
  });

  it('has every variable on the page about tracing', () => {
    const page = readFileSync('docs/tracing.md', 'utf8');
    for (const { name } of otelVariables) expect(page).to.include(`\`${name}\``);
  });
});
