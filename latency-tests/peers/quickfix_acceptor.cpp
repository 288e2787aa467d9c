// A FIX 4.4 acceptor on QuickFIX C++ that answers as a venue does, at its fastest: nothing is kept on disk, logged, validated or matched.
//
//   apt-get install libquickfix-dev
//   g++ -O2 -std=c++14 -o quickfix_acceptor latency-tests/peers/quickfix_acceptor.cpp -lquickfix -lpthread
//   latency-tests wire --peer './quickfix_acceptor {port}'
//
// Sessions FIRM1 to FIRM8 log on to PEER. NewOrderSingle is answered with ExecutionReport New; OrderCancelRequest with Canceled.

#include <quickfix/Application.h>
#include <quickfix/MessageStore.h>
#include <quickfix/MessageCracker.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/ThreadedSocketAcceptor.h>
#include <quickfix/fix44/ExecutionReport.h>
#include <quickfix/fix44/NewOrderSingle.h>
#include <quickfix/fix44/OrderCancelRequest.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <sstream>
#include <unistd.h>

class Venue : public FIX::NullApplication, public FIX::MessageCracker {
  public:
    void fromApp(const FIX::Message& message, const FIX::SessionID& session) throw(FIX::FieldNotFound, FIX::IncorrectDataFormat,
                                                                                  FIX::IncorrectTagValue,
                                                                                  FIX::UnsupportedMessageType) override {
        crack(message, session);
    }

    void onMessage(const FIX44::NewOrderSingle& order, const FIX::SessionID& session) override {
        FIX::OrderQty quantity;
        order.get(quantity);
        FIX44::ExecutionReport report = of(order, FIX::ExecType_NEW, FIX::OrdStatus_NEW, quantity);
        FIX::Price price;
        report.set(order.get(price));
        FIX::Session::sendToTarget(report, session);
    }

    void onMessage(const FIX44::OrderCancelRequest& cancel, const FIX::SessionID& session) override {
        FIX44::ExecutionReport report = of(cancel, FIX::ExecType_CANCELED, FIX::OrdStatus_CANCELED, 0);
        FIX::OrigClOrdID order;
        report.set(cancel.get(order));
        FIX::Session::sendToTarget(report, session);
    }

  private:
    template <typename Request> FIX44::ExecutionReport of(const Request& request, char type, char status, double leaves) {
        const std::string id = std::to_string(++reports);
        FIX::Side side;
        request.get(side);
        FIX44::ExecutionReport report(FIX::OrderID{id}, FIX::ExecID{id}, FIX::ExecType{type}, FIX::OrdStatus{status}, side,
                                      FIX::LeavesQty{leaves}, FIX::CumQty{0}, FIX::AvgPx{0});
        FIX::ClOrdID client_id;
        FIX::Symbol symbol;
        FIX::Account account;
        report.set(request.get(client_id));
        report.set(request.get(symbol));
        report.set(request.get(account));
        return report;
    }

    std::atomic<unsigned long> reports{0};
};

int main(int count, char** words) {
    if (count != 2) {
        std::cerr << "usage: quickfix_acceptor PORT\n";
        return 2;
    }
    std::stringstream text;
    text << "[DEFAULT]\nConnectionType=acceptor\nSocketAcceptPort=" << words[1]
         << "\nSocketReuseAddress=Y\nSocketNodelay=Y\nStartTime=00:00:00\nEndTime=00:00:00\nUseDataDictionary=N\nBeginString=FIX.4.4\nSenderCompID=PEER\n";
    for (int firm = 1; firm <= 8; ++firm) {
        text << "[SESSION]\nTargetCompID=FIRM" << firm << "\n";
    }
    try {
        FIX::SessionSettings settings(text);
        Venue venue;
        FIX::MemoryStoreFactory store;
        FIX::ThreadedSocketAcceptor acceptor(venue, store, settings);
        acceptor.start();
        for (;;) {
            pause();
        }
    } catch (const std::exception& error) {
        std::cerr << "quickfix_acceptor: " << error.what() << "\n";
        return 1;
    }
}
