# One image for every part of daybook: `docker run daybook index|project|serve|…`.
FROM python:3.11-slim AS build
WORKDIR /daybook
RUN pip install --no-cache-dir uv
COPY pyproject.toml requirements.lock README.md LICENSE ./
RUN uv venv /opt/daybook \
    && VIRTUAL_ENV=/opt/daybook uv pip install --no-cache --require-hashes -r requirements.lock
COPY schema schema
COPY indexer indexer
COPY projections projections
COPY api api
COPY scripts scripts
# Not editable: the image holds the package as it would be published.
RUN VIRTUAL_ENV=/opt/daybook uv pip install --no-cache --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/daybook /opt/daybook
ENV PATH=/opt/daybook/bin:$PATH PYTHONUNBUFFERED=1
RUN useradd --system --uid 10001 --no-create-home daybook
USER daybook
ENTRYPOINT ["daybook"]
CMD ["--help"]
