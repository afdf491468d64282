// Addresses are relative: a proxy may serve the page below a path.
fetch("openapi.json")
  .then((response) => response.json())
  .then((spec) => {
    spec.servers = [{ url: new URL(".", document.baseURI).pathname }];
    // A key that is typed in stays in this page: nothing is kept, and nothing leaves but the calls.
    SwaggerUIBundle({
      spec,
      dom_id: "#viewer",
      deepLinking: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      validatorUrl: null,
    });
  })
  .catch((error) => {
    document.querySelector("#viewer").textContent = `The page cannot be shown: ${error.message}`;
  });
