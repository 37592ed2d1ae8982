//! The OpenAPI document and its browsable form, served from the program itself.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use utoipa::openapi::security::{Flow, Http, HttpAuthScheme, OAuth2, Password, Scopes, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContactBuilder, Info, InfoBuilder, License, OpenApi, OpenApiBuilder, SecurityRequirement, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use crate::edge;
use crate::problem::{FieldProblem, ProblemOut};
use crate::state::AppState;

/// Swagger UI draws with inline styles; scripts and everything else come from this server only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the document says before any route is added.
pub(crate) fn frame() -> OpenApi {
    let tags = [
        ("auth", "Accounts, signing in and out"),
        ("scripts", "Python source with a name, in immutable versions"),
        ("agents", "A script plus how to run it"),
        ("jobs", "An agent plus when to run it"),
        ("executions", "One run of an agent, and what it printed"),
        ("health", "Whether the server lives, is ready, and what it is"),
    ];
    let tags = tags.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    let mut components = Components::new();
    components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let password = Flow::Password(Password::new("/auth/login", Scopes::new()));
    components.add_security_scheme("password", SecurityScheme::OAuth2(OAuth2::new([password])));
    components.schemas.insert(ProblemOut::name().into_owned(), ProblemOut::schema());
    components.schemas.insert(FieldProblem::name().into_owned(), FieldProblem::schema());
    let needs = ["token", "password"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
    OpenApiBuilder::new()
        .info(info())
        .tags(Some(tags))
        .components(Some(components))
        .security(Some(needs))
        // Seen from the document itself, so that it also holds below another application's path.
        .servers(Some([ServerBuilder::new().url("..").description(Some("This server")).build()]))
        .build()
}

fn info() -> Info {
    let text = "Runs Python scripts and agents safely, on a schedule.\n\n\
        Sign in at `POST /auth/login` and send the token with every request. Errors are problem documents (RFC 9457) with \
        a stable `code`. Lists come in pages: give `next_cursor` as `cursor` to get the next one. Single things come with \
        an `ETag`; send it back as `If-Match` to change only what you have seen.";
    let licence = License::new("MIT OR Apache-2.0");
    let contact = ContactBuilder::new().name(Some("The Automa authors")).build();
    let info = InfoBuilder::new().title("Automa").version(env!("CARGO_PKG_VERSION")).description(Some(text));
    info.license(Some(licence)).contact(Some(contact)).build()
}

/// The document at `/api/openapi.json`, and Swagger UI at `/docs`.
pub(crate) fn routes(document: &OpenApi) -> Router<AppState> {
    // Serialised once: it never changes.
    let json: axum::body::Bytes = document.to_json().unwrap_or_default().into();
    let document = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], json) });
    let config = Config::new([Url::new("Automa", "../api/openapi.json")]).persist_authorization(false);
    let pages: Router<AppState> = SwaggerUi::new("/docs").config(config.validator_url("none")).into();
    pages.layer(from_fn(page)).route("/api/openapi.json", document)
}

/// Gives pages their own policy, and what is not among them the answer that every other address gives.
async fn page(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND {
        return edge::nothing_at(&path).into_response();
    }
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
