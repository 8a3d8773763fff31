// Only what oxlint cannot see: templates of Vue, their accessibility, and promises that nobody waits for.
import { defineConfigWithVueTs, vueTsConfigs } from "@vue/eslint-config-typescript";
import vue from "eslint-plugin-vue";
import accessibility from "eslint-plugin-vuejs-accessibility";

export default defineConfigWithVueTs(
  { ignores: ["dist", "client/dist", "src/api/core", "src/api/member", "src/api/admin", "client/src/api"] },
  vue.configs["flat/recommended"],
  accessibility.configs["flat/recommended"],
  vueTsConfigs.base,
  {
    files: ["src/**/*.{ts,vue}", "client/src/**/*.ts"],
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "vue/block-lang": ["error", { script: { lang: "ts" } }],
      "vue/component-api-style": ["error", ["script-setup"]],
      "vue/no-v-html": "error",
      "vue/multi-word-component-names": "off",
      // oxfmt formats templates.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/prop-name-casing": "off",
      "vue/require-default-prop": "off",
      "vue/attributes-order": "off",
      // FieldBox has the label of the field in it.
      "vuejs-accessibility/form-control-has-label": ["error", { labelComponents: ["FieldBox"] }],
      "vuejs-accessibility/label-has-for": ["error", { required: { some: ["nesting", "id"] } }],
    },
  },
);
