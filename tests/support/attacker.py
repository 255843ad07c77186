"""What somebody does who writes to the database without the server's key."""

from typing import Any

from sqlalchemy.orm import Session


def written(db: Session, *statements: Any) -> None:
    """Execute *statements*, and let the session read everything again."""
    for statement in statements:
        db.execute(statement, execution_options={"synchronize_session": False})
    db.commit()
    db.expire_all()


def columns(row: Any) -> dict[str, Any]:
    """Return the columns of *row*, to be inserted again later."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns}
