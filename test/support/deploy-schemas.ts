/**
 * What compose.yaml and deploy/kubernetes.yaml may say: the part of the Compose specification and of the Kubernetes API
 * that is used here, as JSON Schema with no room for other keys. Grow it with the files.
 */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const count: Schema = { type: 'integer', minimum: 0 };
const flag: Schema = { type: 'boolean' };
const some: Schema = { type: ['object', 'null'] };

/** `a!`: required. */
function object(properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  const entries = Object.entries(properties).map(
    ([key, schema]) => [key.replace('!', ''), schema] as const,
  );
  const required = Object.keys(properties)
    .filter((key) => key.endsWith('!'))
    .map((key) => key.slice(0, -1));
  return {
    type: 'object',
    properties: Object.fromEntries(entries),
    required,
    additionalProperties: false,
    ...more,
  };
}

const mapOf = (schema: Schema): Schema => ({ type: 'object', additionalProperties: schema });
const listOf = (schema: Schema): Schema => ({ type: 'array', items: schema, minItems: 1 });
const oneOf = (...values: string[]): Schema => ({ enum: values });

const duration: Schema = { type: 'string', pattern: '^\\d+(ms|s|m|h)$' };

const service = object({
  build: text,
  'image!': text,
  restart: oneOf('no', 'always', 'on-failure', 'unless-stopped'),
  stop_grace_period: duration,
  stop_signal: { type: 'string', pattern: '^SIG[A-Z0-9]+$' },
  read_only: flag,
  cap_drop: texts,
  security_opt: texts,
  mem_limit: { type: 'string', pattern: '^\\d+[bkmg]$' },
  ulimits: mapOf(object({ 'soft!': count, 'hard!': count })),
  command: texts,
  environment: mapOf(text),
  healthcheck: object({ 'test!': texts, interval: duration, timeout: duration, retries: count }),
  configs: listOf(object({ 'source!': text, target: text })),
  ports: listOf({ type: 'string', pattern: '^[\\d.]+:\\d+:\\d+$' }),
  volumes: listOf({ type: 'string', pattern: '^[\\w-]+:/[\\w/]+$' }),
  'networks!': {
    anyOf: [texts, mapOf({ anyOf: [{ type: 'null' }, object({ aliases: texts })] })],
  },
  depends_on: {
    anyOf: [texts, mapOf(object({ 'condition!': oneOf('service_started', 'service_healthy') }))],
  },
});

export const COMPOSE: Schema = object(
  {
    name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' },
    'services!': mapOf(service),
    networks: mapOf(some),
    volumes: mapOf(some),
    configs: mapOf(object({ 'file!': text })),
  },
  { patternProperties: { '^x-': {} } },
);

const labels = mapOf(text);
const metadata = object({
  'name!': { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', maxLength: 63 },
  labels,
  annotations: labels,
});
const portRef: Schema = { type: ['integer', 'string'] };
const selector = object({ 'matchLabels!': labels });

function kind(apiVersion: string, name: string, rest: Readonly<Record<string, Schema>>): Schema {
  return object({
    'apiVersion!': { const: apiVersion },
    'kind!': { const: name },
    'metadata!': metadata,
    ...rest,
  });
}

const probe = object({
  httpGet: object({ 'path!': text, 'port!': portRef }),
  exec: object({ 'command!': texts }),
  tcpSocket: object({ 'port!': portRef }),
  periodSeconds: count,
  timeoutSeconds: count,
  failureThreshold: count,
});

const quantity: Schema = { type: 'string', pattern: '^\\d+(\\.\\d+)?(m|Ki|Mi|Gi)?$' };
const amounts = object({ cpu: quantity, memory: quantity, storage: quantity });

const container = object({
  'name!': text,
  'image!': text,
  imagePullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
  args: texts,
  ports: listOf(object({ 'name!': { type: 'string', maxLength: 15 }, 'containerPort!': count })),
  envFrom: listOf(
    object({ configMapRef: object({ 'name!': text }), secretRef: object({ 'name!': text }) }),
  ),
  env: listOf(
    object({
      'name!': text,
      value: text,
      valueFrom: object({ fieldRef: object({ 'fieldPath!': text }) }),
    }),
  ),
  startupProbe: probe,
  livenessProbe: probe,
  'readinessProbe!': probe,
  lifecycle: object({ preStop: object({ exec: object({ 'command!': texts }) }) }),
  'resources!': object({ 'requests!': amounts, 'limits!': amounts }),
  'securityContext!': object({
    'allowPrivilegeEscalation!': { const: false },
    'readOnlyRootFilesystem!': { const: true },
    'capabilities!': object({ 'drop!': { const: ['ALL'] } }),
  }),
  volumeMounts: listOf(object({ 'name!': text, 'mountPath!': text })),
});

const podTemplate = object({
  'metadata!': object({ 'labels!': labels, annotations: labels }),
  'spec!': object({
    terminationGracePeriodSeconds: count,
    automountServiceAccountToken: { const: false },
    'securityContext!': object({
      'runAsNonRoot!': { const: true },
      'runAsUser!': count,
      runAsGroup: count,
      fsGroup: count,
      fsGroupChangePolicy: oneOf('OnRootMismatch', 'Always'),
      'seccompProfile!': object({ 'type!': { const: 'RuntimeDefault' } }),
    }),
    topologySpreadConstraints: listOf(
      object({
        'maxSkew!': count,
        'topologyKey!': text,
        'whenUnsatisfiable!': oneOf('ScheduleAnyway', 'DoNotSchedule'),
        'labelSelector!': selector,
      }),
    ),
    'containers!': listOf(container),
  }),
});

const retention = oneOf('Retain', 'Delete');

export const KUBERNETES: Readonly<Record<string, Schema>> = {
  ConfigMap: kind('v1', 'ConfigMap', { 'data!': mapOf(text) }),
  Service: kind('v1', 'Service', {
    'spec!': object({
      clusterIP: { const: 'None' },
      publishNotReadyAddresses: flag,
      'selector!': labels,
      'ports!': listOf(object({ 'name!': text, 'port!': count, targetPort: portRef })),
    }),
  }),
  PodDisruptionBudget: kind('policy/v1', 'PodDisruptionBudget', {
    'spec!': object({ 'maxUnavailable!': portRef, 'selector!': selector }),
  }),
  StatefulSet: kind('apps/v1', 'StatefulSet', {
    'spec!': object({
      'serviceName!': text,
      replicas: count,
      podManagementPolicy: oneOf('Parallel', 'OrderedReady'),
      minReadySeconds: count,
      updateStrategy: object({ 'type!': oneOf('RollingUpdate', 'OnDelete') }),
      'selector!': selector,
      'template!': podTemplate,
      persistentVolumeClaimRetentionPolicy: object({
        whenDeleted: retention,
        whenScaled: retention,
      }),
      volumeClaimTemplates: listOf(
        object({
          'metadata!': metadata,
          'spec!': object({
            'accessModes!': listOf(oneOf('ReadWriteOnce', 'ReadWriteOncePod')),
            'resources!': object({ 'requests!': amounts }),
          }),
        }),
      ),
    }),
  }),
  Deployment: kind('apps/v1', 'Deployment', {
    'spec!': object({
      replicas: count,
      strategy: object({ 'type!': oneOf('Recreate', 'RollingUpdate') }),
      'selector!': selector,
      'template!': podTemplate,
    }),
  }),
  NetworkPolicy: kind('networking.k8s.io/v1', 'NetworkPolicy', {
    'spec!': object({
      'podSelector!': selector,
      'policyTypes!': listOf(oneOf('Ingress', 'Egress')),
      ingress: listOf(
        object({
          from: listOf(object({ podSelector: selector })),
          ports: listOf(object({ 'port!': portRef })),
        }),
      ),
    }),
  }),
};
