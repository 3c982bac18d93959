import test from 'ava';
import { compareEngines } from '../conformance/compared-engines.ts';
import { opaOptions } from './scratch.ts';

test('policies that nobody thought of give what they give in OPA', async (t) => {
  const { equal, telling, rejected, differing } = await compareEngines(120, 4, opaOptions);
  t.deepEqual(differing, []);
  t.log(`${equal} equal, ${telling} with something in them, ${rejected} do not compile`);
  t.true(equal > 100 && telling > 30);
});
