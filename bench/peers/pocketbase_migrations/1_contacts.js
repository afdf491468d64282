// A collection with the service's fields, unique phone and sort indexes; anyone may read and create.
migrate((app) => {
  app.save(new Collection({
    type: "base",
    name: "contacts",
    listRule: "",
    viewRule: "",
    createRule: "",
    updateRule: "",
    fields: [
      { type: "text", name: "phone", required: true },
      { type: "text", name: "first_name" },
      { type: "text", name: "last_name" },
      { type: "email", name: "email" },
      { type: "select", name: "tags", maxSelect: 2, values: ["Lead", "High-Priority"] },
      { type: "json", name: "custom_fields" },
      { type: "autodate", name: "created", onCreate: true },
      { type: "autodate", name: "updated", onCreate: true, onUpdate: true },
    ],
    indexes: [
      "CREATE UNIQUE INDEX contacts_phone ON contacts (phone)",
      "CREATE INDEX contacts_first_name ON contacts (first_name)",
      "CREATE INDEX contacts_last_name ON contacts (last_name)",
      "CREATE INDEX contacts_email ON contacts (email)",
      "CREATE INDEX contacts_created ON contacts (created)",
      "CREATE INDEX contacts_updated ON contacts (updated)",
    ],
  }));
  const settings = app.settings();
  settings.batch.enabled = true;
  settings.batch.maxRequests = 100;
  app.save(settings);
});
