// The layer check must see what it is there for.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layerOf, upward } from '../../scripts/checks/layers.ts'

describe('layers', () => {
  it('lets includes point down and stay in their folder', () => {
    assert.deepEqual(upward({ file: 'src/store/client.c', includes: ['store/client.h', 'net/http.h', 'base/buf.h'] }), [])
    assert.deepEqual(upward({ file: 'src/main.c', includes: ['app/server.h', 'base/log.h'] }), [])
  })

  it('refuses an include that points up', () => {
    assert.match(upward({ file: 'src/base/buf.c', includes: ['store/client.h'] })[0]!, /above/)
  })

  it('refuses an include of a neighbour', () => {
    assert.match(upward({ file: 'src/net/loop.c', includes: ['telemetry/batch.h'] })[0]!, /beside/)
    assert.match(upward({ file: 'src/receivers/otlp.c', includes: ['exporters/otlp.h'] })[0]!, /beside/)
  })

  it('refuses a folder that is no layer, and an include without its folder', () => {
    assert.match(upward({ file: 'src/util/x.c', includes: [] })[0]!, /no layer/)
    assert.match(upward({ file: 'src/base/buf.c', includes: ['util/x.h'] })[0]!, /no layer/)
    assert.match(upward({ file: 'src/base/buf.c', includes: ['arena.h'] })[0]!, /by its path/)
  })

  it('takes the program\'s entry as part of app', () => {
    assert.equal(layerOf('main.c'), 'app')
  })
})
