"""Contacts with FastAPI and SQLAlchemy, in the style of their tutorials."""

import os
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, Column, ForeignKey, Table, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
    sessionmaker,
)

engine = create_engine(
    f"sqlite:///{os.environ['PEER_DATA']}/fastapi.db", connect_args={"check_same_thread": False}
)
new_session = sessionmaker(engine)
app = FastAPI()


class Base(DeclarativeBase):
    pass


links = Table(
    "contact_tags",
    Base.metadata,
    Column("contact_id", ForeignKey("contacts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True, index=True),
)


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Contact(Base):
    __tablename__ = "contacts"
    id: Mapped[int] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(unique=True)
    first_name: Mapped[str | None] = mapped_column(index=True)
    last_name: Mapped[str | None] = mapped_column(index=True)
    email: Mapped[str | None] = mapped_column(index=True)
    custom_fields: Mapped[dict] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(index=True, default=lambda: datetime.now(UTC))
    updated_at: Mapped[datetime] = mapped_column(index=True, default=lambda: datetime.now(UTC))
    tags: Mapped[list[Tag]] = relationship(secondary=links)


class Given(BaseModel):
    phone: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    tags: list[str] = []
    custom_fields: dict = {}


class TagShown(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    name: str


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    phone: str
    first_name: str | None
    last_name: str | None
    email: str | None
    tags: list[TagShown]
    custom_fields: dict
    created_at: datetime


def get_session():
    with new_session() as session:
        yield session


SessionOfRequest = Annotated[Session, Depends(get_session)]


@app.post("/contacts", status_code=201, response_model=Shown)
def create_contact(given: Given, session: SessionOfRequest):
    if session.scalar(select(Contact).where(Contact.phone == given.phone)):
        raise HTTPException(409, "There is a contact with this phone.")
    contact = Contact(**given.model_dump(exclude={"tags"}), tags=tags_of(given.tags, session))
    session.add(contact)
    session.commit()
    session.refresh(contact)
    return contact


def tags_of(names, session):
    found = {each.name: each for each in session.scalars(select(Tag).where(Tag.name.in_(names)))}
    return [found.get(name) or Tag(name=name) for name in names]


@app.get("/contacts", response_model=list[Shown])
def list_contacts(
    session: SessionOfRequest, limit: int = 20, offset: int = 0, tag: str | None = None
):
    query = select(Contact).options(selectinload(Contact.tags)).order_by(Contact.id)
    if tag:
        query = query.join(Contact.tags).where(Tag.name == tag)
    return session.scalars(query.offset(offset).limit(limit)).all()


def fill(contacts):
    """Make the tables, and contacts for the lists to show."""
    Base.metadata.create_all(engine)
    with new_session() as session:
        tags = [Tag(name="Lead"), Tag(name="High-Priority")]
        for given in contacts:
            session.add(Contact(**(given | {"tags": tags})))
        session.commit()
