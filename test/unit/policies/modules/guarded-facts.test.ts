import { expect } from 'chai';
import { requestTraffic, type Stage } from '../../../../src/call/stage.ts';
import { VirtualClock } from '../../../../src/core/clock.ts';
import { guardStage } from '../../../../src/policies/modules/guard-stage.ts';
import { ModuleMetrics, ModuleWatch } from '../../../../src/policies/modules/module-watch.ts';
import { prometheusText } from '../../../../src/telemetry/metrics/prometheus-text.ts';
import { createRegistry } from '../../../../src/telemetry/metrics/registry.ts';

/** A stage of a module with these facts, guarded; what it logged, and the failures that it counted. */
function guarded(facts: unknown) {
  const registry = createRegistry();
  const clock = new VirtualClock();
  const log: string[] = [];
  const note = (message: string): void => void log.push(message);
  const watch = new ModuleWatch({
    module: './mine.ts',
    policy: 'mine',
    slowMs: 10,
    clock,
    logger: { debug: note, info: note, warn: note, error: note },
    metrics: new ModuleMetrics(registry),
    exactNow: () => clock.now(),
  });
  const stage = { policy: 'mine', appliesTo: requestTraffic, facts } as Stage;
  return {
    stage: guardStage(stage, watch, 1000),
    log,
    failures: () =>
      [
        ...prometheusText(registry, undefined).body.matchAll(
          /hook="facts",outrigger_failure="(.*?)"\} (\d+)/g,
        ),
      ]
        .map(([, why, times]) => `${why} ${times}`)
        .join(),
  };
}

const unavailable = [{ name: 'facts', text: 'unavailable: the module failed' }];

describe('policies/modules/guarded-facts', () => {
  it('are those of the module, and there are none where it has none', () => {
    const own = [{ name: 'keys', text: '3', more: 1 }];
    const { stage, failures } = guarded(() => own);
    const facts = stage.facts!();
    expect(facts).to.deep.equal([{ name: 'keys', text: '3' }]);
    own[0].text = 'changed later';
    expect(facts[0].text).to.equal('3');
    expect(failures()).to.equal('');
    expect(guarded(undefined).stage.facts).to.equal(undefined);
  });

  it('say that the module failed, where it throws or returns something else', () => {
    const throwing = guarded(() => {
      throw new Error('not today');
    });
    expect(throwing.stage.facts!()).to.deep.equal(unavailable);
    expect(throwing.failures()).to.equal('exception 1');
    expect(throwing.log).to.deep.equal(['a policy module failed: its facts are not shown']);
    for (const wrong of [null, 'text', [null], [{ name: 'keys' }], [{ name: 'keys', text: 3 }]]) {
      const { stage, failures } = guarded(() => wrong);
      expect(stage.facts!(), JSON.stringify(wrong)).to.deep.equal(unavailable);
      expect(failures()).to.equal('wrong value 1');
    }
  });
});
