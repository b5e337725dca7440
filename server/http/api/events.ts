/** Routes of the second transport, for networks that let no WebSocket through. */
import {
  bytes,
  headers,
  OF_A_BODY,
  OF_A_DOCUMENT,
  parameter,
  problems,
  type Parameter,
  type Paths,
} from './describe.ts';

const connection: Parameter = {
  name: 'connection',
  in: 'query',
  required: true,
  description: 'Id of the event stream whose presence this is, from its first event.',
  schema: { type: 'string', maxLength: 64 },
};

export const eventPaths: Paths = {
  '/v1/documents/{doc}/events': {
    get: {
      operationId: 'streamEvents',
      tags: ['events'],
      summary: 'Updates and presence as they happen, as server-sent events. Needs read access.',
      description:
        'Begins with what the client lacks. With `POST …/updates?connection=` and `POST …/presence?connection=` it does all that a WebSocket does. See docs/API.md for the events.',
      parameters: [
        parameter('doc'),
        parameter('since'),
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'Where the client was, from an earlier stream; it is sent what came since.',
          schema: { type: 'string', maxLength: 128 },
        },
      ],
      responses: {
        200: {
          description: 'A stream without an end.',
          headers: headers('Cache-Control'),
          content: { 'text/event-stream': {} },
        },
        ...problems(OF_A_DOCUMENT, 'invalid-state-vector'),
      },
    },
  },
  '/v1/documents/{doc}/presence': {
    post: {
      operationId: 'postPresence',
      tags: ['events'],
      summary: 'Cursor and name of who reads an event stream. Needs read access.',
      parameters: [parameter('doc'), connection],
      requestBody: {
        required: true,
        description: 'An awareness update (y-protocols).',
        content: bytes,
      },
      responses: {
        204: { description: 'Passed on.' },
        ...problems(
          OF_A_DOCUMENT,
          OF_A_BODY,
          'connection-not-found',
          'invalid-presence',
          'presence-limit',
        ),
      },
    },
  },
};
