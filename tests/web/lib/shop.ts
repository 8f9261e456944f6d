// A web shop's telemetry, the same for the same seed: several services, traces across them, logs that belong to them.
export interface LogRow {
  Timestamp: string
  ObservedTimestamp: string
  TraceId: string
  SpanId: string
  TraceFlags: number
  SeverityText: string
  SeverityNumber: number
  ServiceName: string
  Body: string
  BodyType: string
  ResourceAttributes: Record<string, string>
  ScopeName: string
  LogAttributes: Record<string, string>
  AttributeTypes: string
  StreamId: string
}

export interface SpanRow {
  Timestamp: string
  TraceId: string
  SpanId: string
  ParentSpanId: string
  SpanName: string
  SpanKind: string
  ServiceName: string
  ResourceAttributes: Record<string, string>
  ScopeName: string
  ScopeVersion: string
  SpanAttributes: Record<string, string>
  AttributeTypes: string
  Duration: number
  StatusCode: string
  StatusMessage: string
  'Events.Timestamp': string[]
  'Events.Name': string[]
  'Events.Attributes': Record<string, string>[]
  'Events.DroppedAttributesCount': number[]
  'Links.TraceId': string[]
  'Links.SpanId': string[]
  'Links.TraceState': string[]
  'Links.Attributes': Record<string, string>[]
  'Links.DroppedAttributesCount': number[]
  'Links.Flags': number[]
}

type Level = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL'
const severities: Record<Level, number> = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, ERROR: 17, FATAL: 21 }

/** Mulberry32: small, fast and good enough for made-up data. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const versions: Record<string, string> = {
  frontend: '4.12.0', cart: '2.3.1', checkout: '1.19.4', payment: '3.0.2', catalog: '5.1.0', shipping: '1.4.7',
  recommendation: '0.9.3', email: '2.0.0',
}
const languages: Record<string, string> = {
  frontend: 'nodejs', cart: 'dotnet', checkout: 'go', payment: 'java', catalog: 'go', shipping: 'rust',
  recommendation: 'python', email: 'ruby',
}
const products = ['OLJCESPC7Z', '66VCHSJNUP', '1YMWWN1N4O', 'L9ECAV7KIM', '2ZYFJ3GM2N', '0PUK6V6EV0']
const letters = { string: 's', boolean: 'b', int: 'i', double: 'd', object: 'm' }

export class Shop {
  readonly logs: LogRow[] = []
  readonly spans: SpanRow[] = []
  readonly #random: () => number

  constructor(seed = 1) {
    this.#random = random(seed)
  }

  /** One visitor's request that starts at `time` (ns), and what it sets off. */
  visit(time: bigint): string {
    const trace = this.#hex(32)
    const kind = this.#random()
    if (kind < 0.42) this.#browse(trace, time)
    else if (kind < 0.72) this.#product(trace, time)
    else if (kind < 0.88) this.#addToCart(trace, time)
    else this.placeOrder(trace, time)
    return trace
  }

  /** Something that happens outside of any request. */
  background(time: bigint): void {
    const r = this.#random()
    const heap = (120 + this.#random() * 300).toFixed(1)
    if (r < 0.4) this.#log('cart', time, 'DEBUG', `GC pause ${(this.#random() * 9).toFixed(2)} ms, heap ${heap} MiB`, { 'gc.generation': 2 })
    else if (r < 0.7) this.#log('recommendation', time, 'INFO', `model cache refreshed: ${this.#int(900, 1400)} items in ${this.#int(20, 90)} ms`, {})
    else if (r < 0.9) this.#log('catalog', time, 'DEBUG', 'health check ok', { 'http.route': '/healthz', 'http.response.status_code': 200 })
    else this.#log('email', time, 'WARN', 'SMTP connection was reset by peer, reconnecting (attempt 1 of 5)', { 'server.address': 'smtp.example.com', 'retry.attempt': 1 })
  }

  #browse(trace: string, time: bigint): void {
    const list = this.#ms(18, 60)
    const recommend = this.#ms(25, 120)
    const root = this.#span(trace, '', 'frontend', 'GET /', 'Server', time, list + recommend + this.#ms(4, 14), http('GET', '/', 200))
    const call = this.#span(trace, root, 'frontend', 'grpc.catalog.ListProducts', 'Client', time + 2_000_000n, list, rpc('catalog', 'ListProducts'))
    const serve = this.#span(trace, call, 'catalog', 'catalog.ListProducts', 'Server', time + 3_100_000n, list - 2_000_000n, rpc('catalog', 'ListProducts'))
    this.#sql(trace, serve, 'catalog', time + 4_000_000n, list - 6_000_000n, 'SELECT id, name, price FROM products WHERE active ORDER BY rank LIMIT 24')
    const ask = this.#span(trace, root, 'frontend', 'grpc.recommendation.List', 'Client', time + 3_000_000n + list, recommend, rpc('recommendation', 'List'))
    this.#span(trace, ask, 'recommendation', 'recommendation.List', 'Server', time + 4_000_000n + list, recommend - 2_000_000n, {
      ...rpc('recommendation', 'List'), 'app.recommendations': this.#int(3, 12), 'app.cache_hit': this.#random() < 0.7,
    })
    this.#access(trace, root, time + list + recommend, 'GET', '/', 200, list + recommend)
  }

  #product(trace: string, time: bigint): void {
    const id = this.#pick(products)
    const missing = this.#random() < 0.03
    const work = this.#ms(6, 35)
    const root = this.#span(trace, '', 'frontend', 'GET /product/{id}', 'Server', time, work + 6_000_000n, { ...http('GET', `/product/{id}`, missing ? 404 : 200), 'app.product.id': id })
    const call = this.#span(trace, root, 'frontend', 'grpc.catalog.GetProduct', 'Client', time + 1_500_000n, work, rpc('catalog', 'GetProduct'))
    const serve = this.#span(trace, call, 'catalog', 'catalog.GetProduct', 'Server', time + 2_100_000n, work - 1_000_000n, { ...rpc('catalog', 'GetProduct'), 'app.product.id': id })
    this.#sql(trace, serve, 'catalog', time + 3_000_000n, work - 3_000_000n, 'SELECT * FROM products WHERE id = $1')
    if (missing) this.#log('catalog', time + work, 'WARN', `product ${id} is not in the catalogue`, { 'app.product.id': id }, trace, serve)
    else this.#log('catalog', time + work, 'DEBUG', `found product ${id}`, { 'app.product.id': id, 'db.rows': 1 }, trace, serve)
    this.#access(trace, root, time + work + 5_000_000n, 'GET', `/product/${id}`, missing ? 404 : 200, work)
  }

  #addToCart(trace: string, time: bigint): void {
    const id = this.#pick(products)
    const quantity = this.#int(1, 6)
    const work = this.#ms(9, 40)
    const root = this.#span(trace, '', 'frontend', 'POST /cart', 'Server', time, work + 5_000_000n, http('POST', '/cart', 200))
    const call = this.#span(trace, root, 'frontend', 'grpc.cart.AddItem', 'Client', time + 1_000_000n, work, rpc('cart', 'AddItem'))
    const serve = this.#span(trace, call, 'cart', 'cart.AddItem', 'Server', time + 1_900_000n, work - 1_500_000n, { ...rpc('cart', 'AddItem'), 'app.product.id': id, 'app.product.quantity': quantity })
    this.#span(trace, serve, 'cart', 'HGET cart', 'Client', time + 2_500_000n, this.#ms(0.3, 1.4), redis('HGET'))
    this.#span(trace, serve, 'cart', 'HSET cart', 'Client', time + 5_000_000n, this.#ms(0.3, 1.6), redis('HSET'))
    const body = JSON.stringify({ event: 'item_added', user: this.#hex(8), item: { id, quantity }, cart: { items: this.#int(1, 9), total: { currency: 'EUR', units: this.#int(10, 900) } } })
    this.#log('cart', time + work, 'INFO', body, { 'app.product.id': id, 'app.product.quantity': quantity }, trace, serve)
    this.#access(trace, root, time + work + 4_000_000n, 'POST', '/cart', 200, work)
  }

  placeOrder(trace: string, time: bigint): void {
    const luck = this.#random()
    const declined = luck < 0.06
    const timeout = luck > 0.975
    const order = this.#hex(12)
    const amount = Number((this.#random() * 400 + 8).toFixed(2))
    const charge = timeout ? 5_000_000_000n : this.#ms(60, declined ? 160 : 420)
    const prepare = this.#ms(20, 60)
    const ship = this.#ms(15, 70)
    const total = prepare + charge + (declined || timeout ? 0n : ship) + this.#ms(12, 30)
    const failed = declined || timeout
    const code = declined ? 402 : timeout ? 504 : 200
    const root = this.#span(trace, '', 'frontend', 'POST /checkout', 'Server', time, total + 6_000_000n, { ...http('POST', '/checkout', code), 'user_agent.original': 'Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0' }, failed)
    const call = this.#span(trace, root, 'frontend', 'grpc.checkout.PlaceOrder', 'Client', time + 2_000_000n, total, rpc('checkout', 'PlaceOrder'), failed)
    const serve = this.#span(trace, call, 'checkout', 'checkout.PlaceOrder', 'Server', time + 3_000_000n, total - 2_000_000n, { ...rpc('checkout', 'PlaceOrder'), 'app.order.id': order, 'app.order.amount': amount, 'app.user.currency': 'EUR' }, failed)
    this.#log('checkout', time + 3_500_000n, 'INFO', `placing order ${order}`, { 'app.order.id': order, 'app.order.amount': amount }, trace, serve)
    const items = this.#span(trace, serve, 'checkout', 'prepareOrderItems', 'Internal', time + 4_000_000n, prepare, {})
    const cart = this.#span(trace, items, 'checkout', 'grpc.cart.GetCart', 'Client', time + 4_500_000n, prepare / 3n, rpc('cart', 'GetCart'))
    this.#span(trace, cart, 'cart', 'cart.GetCart', 'Server', time + 5_000_000n, prepare / 4n, rpc('cart', 'GetCart'))
    for (let i = 0; i < this.#int(1, 5); i++) {
      const at = time + 4_500_000n + prepare / 3n + BigInt(i) * (prepare / 8n)
      const get = this.#span(trace, items, 'checkout', 'grpc.catalog.GetProduct', 'Client', at, prepare / 9n, rpc('catalog', 'GetProduct'))
      this.#span(trace, get, 'catalog', 'catalog.GetProduct', 'Server', at + 300_000n, prepare / 14n, { ...rpc('catalog', 'GetProduct'), 'app.product.id': this.#pick(products) })
    }
    this.#pay(trace, serve, time + 5_000_000n + prepare, charge, { order, amount, declined, timeout })
    if (!failed) this.#deliver(trace, serve, time + 7_000_000n + prepare + charge, ship, order)
    this.#access(trace, root, time + total + 5_000_000n, 'POST', '/checkout', code, total)
  }

  #pay(trace: string, parent: string, time: bigint, length: bigint, order: { order: string; amount: number; declined: boolean; timeout: boolean }): void {
    const failed = order.declined || order.timeout
    const call = this.#span(trace, parent, 'checkout', 'grpc.payment.Charge', 'Client', time, length, rpc('payment', 'Charge'), failed)
    const message = order.timeout ? 'deadline exceeded after 5s waiting for the acquirer' : 'card was declined: insufficient funds'
    const serve = this.#span(trace, call, 'payment', 'payment.Charge', 'Server', time + 1_000_000n, length - 1_500_000n, {
      ...rpc('payment', 'Charge'), 'app.payment.amount': order.amount, 'app.payment.card_type': this.#pick(['visa', 'mastercard', 'amex']), 'app.payment.charged': !failed,
    }, failed, message)
    const bank = this.#span(trace, serve, 'payment', 'POST acquirer.example.com/v2/charges', 'Client', time + 3_000_000n, length - 6_000_000n, {
      ...http('POST', '/v2/charges', order.timeout ? 504 : order.declined ? 402 : 201), 'server.address': 'acquirer.example.com', 'server.port': 443,
    }, failed)
    if (!failed) {
      this.#log('payment', time + length - 2_000_000n, 'INFO', `charged ${order.amount} EUR for order ${order.order}`, { 'app.order.id': order.order, 'app.payment.amount': order.amount }, trace, serve)
      return
    }
    this.#exception(bank, time + length - 3_500_000n, order.timeout ? 'java.net.SocketTimeoutException' : 'com.example.payment.CardDeclinedException', message)
    const stack = `${message}\n\tat com.example.payment.Acquirer.charge(Acquirer.java:214)\n\tat com.example.payment.PaymentService.charge(PaymentService.java:88)\n\tat io.grpc.stub.ServerCalls.invoke(ServerCalls.java:182)`
    this.#log('payment', time + length - 2_500_000n, 'ERROR', `charge failed for order ${order.order}: ${stack}`, {
      'app.order.id': order.order, 'exception.type': order.timeout ? 'SocketTimeoutException' : 'CardDeclinedException', 'app.payment.request': { amount: order.amount, currency: 'EUR', attempt: 1, card: { last4: '4242', expires: '12/29' } },
    }, trace, bank)
    this.#log('checkout', time + length, 'ERROR', `order ${order.order} was not placed: payment: ${message}`, { 'app.order.id': order.order }, trace, parent)
  }

  #deliver(trace: string, parent: string, time: bigint, length: bigint, order: string): void {
    const call = this.#span(trace, parent, 'checkout', 'grpc.shipping.ShipOrder', 'Client', time, length, rpc('shipping', 'ShipOrder'))
    const serve = this.#span(trace, call, 'shipping', 'shipping.ShipOrder', 'Server', time + 800_000n, length - 1_000_000n, { ...rpc('shipping', 'ShipOrder'), 'app.shipping.cost': Number((this.#random() * 20).toFixed(2)) })
    this.#log('shipping', time + length - 1_000_000n, 'INFO', `label created, tracking id ${this.#hex(10).toUpperCase()}`, { 'app.order.id': order, 'app.shipping.carrier': this.#pick(['DHL', 'UPS', 'PostNL']) }, trace, serve)
    // The confirmation is sent after the answer, by a queue: a span of the same trace with a link to who asked for it.
    const mail = this.#span(trace, serve, 'email', 'send_confirmation', 'Consumer', time + length + 140_000_000n, this.#ms(40, 300), { 'messaging.system': 'rabbitmq', 'messaging.destination.name': 'orders' })
    const span = this.spans.at(-1)!
    span['Links.TraceId'].push(trace)
    span['Links.SpanId'].push(parent)
    span['Links.TraceState'].push('')
    span['Links.Attributes'].push({ 'link.reason': 'requested by' })
    span['Links.DroppedAttributesCount'].push(0)
    span['Links.Flags'].push(1)
    this.#log('email', time + length + 150_000_000n, 'INFO', `confirmation for order ${order} sent`, { 'app.order.id': order }, trace, mail)
  }

  #access(trace: string, span: string, time: bigint, method: string, path: string, status: number, took: bigint): void {
    const level: Level = status >= 500 ? 'ERROR' : status >= 400 ? 'WARN' : 'INFO'
    const ip = `203.0.113.${this.#int(1, 250)}`
    this.#log('frontend', time, level, `${ip} "${method} ${path} HTTP/2.0" ${status} ${this.#int(400, 90_000)} ${(Number(took) / 1e6).toFixed(1)}ms`, {
      'http.request.method': method, 'http.route': path.replace(/product\/.*/, 'product/{id}'), 'http.response.status_code': status, 'client.address': ip, 'http.server.request.duration': Number(took) / 1e9,
    }, trace, span)
  }

  #sql(trace: string, parent: string, service: string, time: bigint, length: bigint, text: string): void {
    this.#span(trace, parent, service, `${text.split(' ')[0]} shop.products`, 'Client', time, length, { 'db.system': 'postgresql', 'db.namespace': 'shop', 'db.query.text': text, 'server.address': 'postgres-0.postgres', 'server.port': 5432 })
  }

  #exception(span: string, time: bigint, type: string, message: string): void {
    const row = this.spans.findLast((s) => s.SpanId === span)!
    row['Events.Timestamp'].push(nanos(time))
    row['Events.Name'].push('exception')
    row['Events.Attributes'].push({ 'exception.type': type, 'exception.message': message, 'exception.stacktrace': `${type}: ${message}\n\tat com.example.payment.Acquirer.charge(Acquirer.java:214)\n\tat com.example.payment.PaymentService.charge(PaymentService.java:88)` })
    row['Events.DroppedAttributesCount'].push(0)
  }

  #span(trace: string, parent: string, service: string, name: string, kind: string, time: bigint, length: bigint, attributes: Attributes, error = false, message = ''): string {
    const id = this.#hex(16)
    const texts = asText(attributes)
    this.spans.push({
      Timestamp: nanos(time), TraceId: trace, SpanId: id, ParentSpanId: parent, SpanName: name, SpanKind: kind, ServiceName: service,
      ResourceAttributes: this.#resource(service), ScopeName: `@shop/${service}`, ScopeVersion: versions[service]!,
      SpanAttributes: texts.values, AttributeTypes: texts.types ? `//${texts.types}` : '', Duration: Number(length > 0n ? length : 1000n),
      StatusCode: error ? 'Error' : 'Unset', StatusMessage: message,
      'Events.Timestamp': [], 'Events.Name': [], 'Events.Attributes': [], 'Events.DroppedAttributesCount': [],
      'Links.TraceId': [], 'Links.SpanId': [], 'Links.TraceState': [], 'Links.Attributes': [], 'Links.DroppedAttributesCount': [], 'Links.Flags': [],
    })
    return id
  }

  #log(service: string, time: bigint, level: Level, body: string, attributes: Attributes, trace = '', span = ''): void {
    const texts = asText(attributes)
    this.logs.push({
      Timestamp: nanos(time), ObservedTimestamp: nanos(time + 120_000n), TraceId: trace, SpanId: span, TraceFlags: trace ? 1 : 0,
      SeverityText: level, SeverityNumber: severities[level], ServiceName: service, Body: body, BodyType: 'string',
      ResourceAttributes: this.#resource(service), ScopeName: `@shop/${service}`, LogAttributes: texts.values,
      AttributeTypes: texts.types ? `//${texts.types}` : '', StreamId: String(1000 + Object.keys(versions).indexOf(service)),
    })
  }

  #resource(service: string): Record<string, string> {
    return {
      'service.name': service, 'service.namespace': 'shop', 'service.version': versions[service]!, 'telemetry.sdk.language': languages[service]!,
      'deployment.environment.name': 'production', 'k8s.pod.name': `${service}-7d9f8b6c5d-x${this.#int(1, 4)}k2p`, 'host.name': `node-${this.#int(1, 4)}`,
    }
  }

  #hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += Math.floor(this.#random() * 65536).toString(16).padStart(4, '0')
    return text.slice(0, digits)
  }

  #int(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from))
  }

  /** Milliseconds as ns, mostly near the low end with a long tail, as latencies are. */
  #ms(from: number, to: number): bigint {
    return BigInt(Math.round((from + (to - from) * this.#random() ** 3) * 1e6))
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#int(0, list.length)]!
  }
}

type Attributes = Record<string, string | number | boolean | object>

/** As the store has them: text, and the types as telemetry/attr_types.h says. */
function asText(attributes: Attributes): { values: Record<string, string>; types: string } {
  const entries = Object.entries(attributes)
  const types = entries.map(([, value]) =>
    typeof value === 'number' ? (Number.isInteger(value) ? letters.int : letters.double) : letters[typeof value as 'string' | 'boolean' | 'object'])
  return {
    values: Object.fromEntries(entries.map(([key, value]) => [key, typeof value === 'object' ? JSON.stringify(value) : String(value)])),
    types: types.join('').replace(/s+$/, ''),
  }
}

const http = (method: string, route: string, status: number): Attributes =>
  ({ 'http.request.method': method, 'http.route': route, 'http.response.status_code': status, 'url.scheme': 'https', 'network.protocol.version': '2' })
const rpc = (service: string, method: string): Attributes =>
  ({ 'rpc.system': 'grpc', 'rpc.service': `shop.${service}`, 'rpc.method': method, 'rpc.grpc.status_code': 0 })
const redis = (command: string): Attributes =>
  ({ 'db.system': 'redis', 'db.operation.name': command, 'server.address': 'redis-0.redis', 'server.port': 6379 })

/** DateTime64(9) as text that ClickHouse reads. */
export function nanos(time: bigint): string {
  return `${time / 1_000_000_000n}.${String(time % 1_000_000_000n).padStart(9, '0')}`
}
