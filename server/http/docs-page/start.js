// Everything comes from the node itself: the page works without another host, and tells none of it.
/* global SwaggerUIBundle */
SwaggerUIBundle({
  url: 'v1/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  // A token typed into the page is forgotten with it.
  persistAuthorization: false,
});
