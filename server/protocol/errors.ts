/**
 * The one error table. Everything that fails towards a client is one of these codes; close frames,
 * `application/problem+json`, the client's reconnect decision and docs/ERRORS.md all follow from it.
 *
 * Close codes follow one rule, which y-websocket 3.1 implements by itself: 4400–4499 are permanent,
 * everything else is worth another try after a pause.
 */

/** What a client should do: `never` reconnect, reconnect after `backoff`, or `reauthenticate` first. */
export type Retry = 'never' | 'backoff' | 'reauthenticate';

export interface ErrorEntry {
  /** WebSocket close code. */
  readonly close: number;
  /** HTTP status of the same failure on an upgrade or a REST route. */
  readonly http: number;
  readonly retry: Retry;
  readonly meaning: string;
}

export type ErrorCode =
  | 'text-frame'
  | 'malformed-message'
  | 'unknown-message'
  | 'invalid-update'
  | 'invalid-presence'
  | 'update-refused'
  | 'unresolved-gap'
  | 'presence-limit'
  | 'too-many-pings'
  | 'frame-too-large'
  | 'internal'
  | 'draining'
  | 'overloaded'
  | 'slow-consumer'
  | 'store-unavailable'
  | 'heartbeat-lost'
  | 'invalid-document-name'
  | 'origin-refused'
  | 'not-found'
  | 'document-deleted'
  | 'document-damaged'
  | 'document-reset'
  | 'document-too-large'
  | 'missing-token'
  | 'invalid-token'
  | 'token-expired'
  | 'token-revoked'
  | 'access-unavailable'
  | 'forbidden'
  | 'read-only'
  | 'foreign-client-id'
  | 'rate-limited'
  | 'document-not-found'
  | 'connection-not-found'
  | 'document-exists'
  | 'update-gap'
  | 'invalid-state-vector'
  | 'invalid-request'
  | 'body-too-large'
  | 'uri-too-long'
  | 'headers-too-large'
  | 'unsupported-media-type'
  | 'not-acceptable'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'idempotency-conflict'
  | 'replica-behind'
  | 'not-replicated'
  | 'snapshot-not-found'
  | 'snapshot-limit'
  | 'too-expensive'
  | 'wrong-type'
  | 'content-too-large';

export const ERRORS: Readonly<Record<ErrorCode, ErrorEntry>> = {
  'text-frame': {
    close: 1003,
    http: 415,
    retry: 'backoff',
    meaning: 'A text frame arrived; every dialect is binary.',
  },
  'malformed-message': {
    close: 1007,
    http: 400,
    retry: 'backoff',
    meaning: 'A frame does not decode to exactly one message of the dialect.',
  },
  'unknown-message': {
    close: 1007,
    http: 400,
    retry: 'backoff',
    meaning: 'A message type that this dialect does not have.',
  },
  'invalid-update': {
    close: 1007,
    http: 400,
    retry: 'backoff',
    meaning: 'Bytes that are not a Yjs V1 update which Yjs itself would integrate.',
  },
  'invalid-presence': {
    close: 1007,
    http: 400,
    retry: 'backoff',
    meaning: 'A presence message that does not decode, or a state that is not a JSON object.',
  },
  'update-refused': {
    close: 1008,
    http: 422,
    retry: 'backoff',
    meaning: 'A well-formed update outside the limits: client ids, lengths, counts or cost.',
  },
  'unresolved-gap': {
    close: 1008,
    http: 409,
    retry: 'backoff',
    meaning: 'Updates kept depending on content that the client never delivered.',
  },
  'presence-limit': {
    close: 1008,
    http: 422,
    retry: 'backoff',
    meaning: 'A presence state that is too large, too deep, or whose clock leaps.',
  },
  'too-many-pings': {
    close: 1008,
    http: 429,
    retry: 'backoff',
    meaning: 'More pings than a heartbeat needs.',
  },
  'frame-too-large': {
    close: 1009,
    http: 413,
    retry: 'backoff',
    meaning: 'A frame larger than FRAME_BYTES_MAX.',
  },
  internal: {
    close: 1011,
    http: 500,
    retry: 'backoff',
    meaning: 'A bug in the server; it is in the log.',
  },
  draining: {
    close: 1012,
    http: 503,
    retry: 'backoff',
    meaning:
      'The node is shutting down; reconnect, another one (or this one, restarted) will answer.',
  },
  overloaded: {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning: 'The node is at a limit (connections, open documents, worker queue).',
  },
  'slow-consumer': {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning: 'The client did not read what was sent to it in time.',
  },
  'store-unavailable': {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning: 'The stored document cannot be read now; nothing was served and nothing overwritten.',
  },
  'heartbeat-lost': {
    close: 1013,
    http: 408,
    retry: 'backoff',
    meaning: 'The client answered no ping.',
  },
  'invalid-document-name': {
    close: 4400,
    http: 400,
    retry: 'never',
    meaning: 'Not a document name: see docs/ERRORS.md for what a name may contain.',
  },
  'origin-refused': {
    close: 4403,
    http: 403,
    retry: 'never',
    meaning: 'The page that opened the connection is not in ALLOWED_ORIGINS.',
  },
  'not-found': {
    close: 4404,
    http: 404,
    retry: 'never',
    meaning: 'No such route.',
  },
  'document-deleted': {
    close: 4404,
    http: 404,
    retry: 'never',
    meaning: 'The document was deleted; drop the local copy.',
  },
  'document-reset': {
    close: 4500,
    http: 503,
    retry: 'backoff',
    meaning: 'The document was reloaded without an update that cannot be integrated; reconnect.',
  },
  'document-damaged': {
    close: 4501,
    http: 503,
    retry: 'backoff',
    meaning: 'The stored document is damaged; an operator has to run syncline inspect and repair.',
  },
  'document-too-large': {
    close: 4413,
    http: 413,
    retry: 'never',
    meaning: 'The document is at DOCUMENT_BYTES_MAX; it stays readable.',
  },
  'missing-token': {
    close: 4401,
    http: 401,
    retry: 'reauthenticate',
    meaning: 'This node asks for a token and none was sent.',
  },
  'invalid-token': {
    close: 4401,
    http: 401,
    retry: 'reauthenticate',
    meaning: 'The token is not one that this node accepts.',
  },
  'token-expired': {
    close: 4401,
    http: 401,
    retry: 'reauthenticate',
    meaning: 'The token has expired; get a new one and reconnect.',
  },
  'token-revoked': {
    close: 4401,
    http: 401,
    retry: 'reauthenticate',
    meaning: 'The token, or its user, was revoked.',
  },
  'access-unavailable': {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning:
      'Whether this is allowed could not be found out in time (the keys or the authorize hook did not answer).',
  },
  forbidden: {
    close: 4403,
    http: 403,
    retry: 'never',
    meaning: 'The token does not allow this, whether or not there is such a document.',
  },
  'read-only': {
    close: 4403,
    http: 403,
    retry: 'never',
    meaning: 'The token allows reading this document, not writing to it.',
  },
  'foreign-client-id': {
    close: 4409,
    http: 409,
    retry: 'never',
    meaning:
      'The update is written with the client id of another user who is connected; take a new one (a new Y.Doc) and connect again.',
  },
  'rate-limited': {
    close: 4529,
    http: 429,
    retry: 'backoff',
    meaning: 'Too many requests from this user or address, or to this document; see Retry-After.',
  },
  'document-not-found': {
    close: 4404,
    http: 404,
    retry: 'never',
    meaning: 'There is no such document, or the token does not allow reading it.',
  },
  'connection-not-found': {
    close: 1008,
    http: 404,
    retry: 'backoff',
    meaning: 'You have no open event stream of this id on this document; open one.',
  },
  'document-exists': {
    close: 1008,
    http: 412,
    retry: 'never',
    meaning: 'A document of this name exists already; nothing was changed.',
  },
  'update-gap': {
    close: 1008,
    http: 409,
    retry: 'backoff',
    meaning:
      'The update builds on content that the server does not have; `missing` is the state vector to make it from.',
  },
  'invalid-state-vector': {
    close: 1007,
    http: 400,
    retry: 'never',
    meaning: 'Not a Yjs state vector, encoded as base64url without padding.',
  },
  'invalid-request': {
    close: 1008,
    http: 400,
    retry: 'never',
    meaning: 'A parameter, header or JSON body is not what the API description asks for.',
  },
  'body-too-large': {
    close: 1009,
    http: 413,
    retry: 'never',
    meaning: 'A request body larger than the limit of its route; send it in parts.',
  },
  'uri-too-long': {
    close: 1008,
    http: 414,
    retry: 'never',
    meaning: 'A path or query longer than any that this API needs.',
  },
  'headers-too-large': {
    close: 1008,
    http: 431,
    retry: 'never',
    meaning: 'More than 16 KiB of headers.',
  },
  'unsupported-media-type': {
    close: 1008,
    http: 415,
    retry: 'never',
    meaning: 'A Content-Type or Content-Encoding that the route does not take; see Accept.',
  },
  'not-acceptable': {
    close: 1008,
    http: 406,
    retry: 'never',
    meaning: 'The route has none of the media types in Accept.',
  },
  'method-not-allowed': {
    close: 1008,
    http: 405,
    retry: 'never',
    meaning: 'The route does not have this method; see Allow.',
  },
  'request-timeout': {
    close: 1008,
    http: 408,
    retry: 'backoff',
    meaning: 'The request body did not arrive in time; nothing of it was applied.',
  },
  'idempotency-conflict': {
    close: 1008,
    http: 422,
    retry: 'never',
    meaning: 'This Idempotency-Key was used for another request.',
  },
  'replica-behind': {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning: 'This node has not yet received the version that the client has seen.',
  },
  'not-replicated': {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning:
      'The write is on disk on this node, but no other region has confirmed it in time. Whether it gets there is unknown; repeating it is safe.',
  },
  'snapshot-not-found': {
    close: 1008,
    http: 404,
    retry: 'never',
    meaning: 'The document has no snapshot of this id.',
  },
  'snapshot-limit': {
    close: 1008,
    http: 409,
    retry: 'never',
    meaning: 'The document has SNAPSHOTS_MAX snapshots; delete one first.',
  },
  'too-expensive': {
    close: 1013,
    http: 503,
    retry: 'backoff',
    meaning: 'Rendering or comparing the document took longer than it may.',
  },
  'wrong-type': {
    close: 1008,
    http: 409,
    retry: 'never',
    meaning: 'What the document has under this name cannot be read as this type.',
  },
  'content-too-large': {
    close: 1008,
    http: 422,
    retry: 'never',
    meaning: 'Rendered, it would be larger than CONTENT_BYTES_MAX; read the state instead.',
  },
};

/** True for close codes after which a client must not reconnect by itself. */
export function isPermanentClose(closeCode: number): boolean {
  return closeCode >= 4400 && closeCode < 4500;
}

/** An error on its way to a client: a row of the table and one sentence, never input bytes. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ErrorCode;
  /** What a program needs to go on, beside the code: further members of the problem document. */
  readonly details: Readonly<Record<string, string | number>>;
  constructor(
    code: ErrorCode,
    message: string = ERRORS[code].meaning,
    details: Readonly<Record<string, string | number>> = {},
  ) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
